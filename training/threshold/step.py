"""Step `threshold`: judge the thresholds of a fixed list by labelled answers; nothing is deployed."""

from collections.abc import Iterable, Sequence
from typing import Any

from training.context import Context
from training.csv_files import write_csv
from training.options import ThresholdOptions
from training.threshold import figure, sentences, tables
from training.threshold.evidence import Evidence, held_out, reviewed
from training.threshold.thresholds import Aim, Costs, Row, least_cost, lowest_proven, rows


def choose(context: Context, options: ThresholdOptions) -> dict[str, Any]:
    """Print what each threshold does, which is proven and how to deploy it; returns the figures.

    Writes `threshold.csv` and `threshold.png` to `<directory>/threshold`.

    Raises:
        ThresholdError: There are no labelled answers, or they cannot be read.
        EndpointError: Nothing was kept of the endpoint's answers, and there is no endpoint to ask.
    """
    aim = Aim(options.max_error, options.confidence, costs_of(options))
    sources = [held_out(context, options.predictions), reviewed(context, options.seed)]
    found = {one.kind: one for one in sources if one}
    deployed, number = context.stack.confidence_threshold, class_number(found.values())
    judged = {kind: rows(one.photos, number, deployed, aim) for kind, one in found.items()}
    directory = context.directory / "threshold"
    directory.mkdir(parents=True, exist_ok=True)
    write_csv(tables.frame(judged), directory / "threshold.csv")
    figures: dict[str, Any] = {"deployed": deployed, "max_error": aim.max_error, "confidence": aim.confidence}
    for kind, one in found.items():
        figures[kind.replace(" ", "_")] = show(context, one, judged[kind])
        if options.per_class:
            figures[kind.replace(" ", "_")]["classes"] = show_classes(context, one, aim, number)
    figure.write(next(iter(judged.values())), deployed, directory / "threshold.png")
    return figures | {"results": str(directory)}


def costs_of(options: ThresholdOptions) -> Costs | None:
    if options.cost_of_error is None or options.cost_of_review is None:
        return None
    return Costs(options.cost_of_error, options.cost_of_review)


def class_number(found: Iterable[Evidence]) -> int:
    """Return how many classes the model tells apart, as far as the answers show it."""
    return max(2, len({name for one in found for name in one.classes}))


def show(context: Context, found: Evidence, judged: Sequence[Row]) -> dict[str, Any]:
    """Print the table of one kind of evidence and what follows; returns its figures."""
    deployed = context.stack.confidence_threshold
    context.console.print(tables.table(judged, f"{found.sentence}; * is deployed", deployed))
    if judged[0].aim.costs:
        context.console.print(tables.cost_table(judged))
    concluded = sentences.conclusions(judged)
    context.console.print("", *concluded, sep="\n", highlight=False)
    chosen = lowest_proven(judged) or least_cost(judged)
    shown = sentences.commands(context.stack, chosen.threshold) if chosen and chosen.threshold != deployed else []
    if chosen and shown:
        title = f"To deploy {chosen.threshold:g}, on AWS or in a shell of the local AWS:"
        context.console.print(title, *shown, sep="\n  ", highlight=False, soft_wrap=True)
    proven, cheapest = lowest_proven(judged), least_cost(judged)
    return {
        "photos": judged[0].photos,
        "rows": [tables.fields(row) for row in judged],
        "proven": tables.fields(proven) if proven else None,
        "missing": None if proven else concluded[0],
        "least_cost": tables.fields(cheapest) if cheapest else None,
        "commands": shown,
    }


def show_classes(context: Context, found: Evidence, aim: Aim, number: int) -> dict[str, Any]:
    """Print the lowest proven threshold of each predicted class, proven together; returns the figures.

    Each class has its part of what may be wrongly proven (Bonferroni). Where every class keeps to the share, all
    accepted photos do.

    Args:
        number: Of all classes.
    """
    predicted = sorted(set(found.photos["predicted_class"]))
    part = Aim(aim.max_error, 1 - (1 - aim.confidence) / len(predicted))
    deployed = context.stack.confidence_threshold
    of_class = {name: found.photos[found.photos["predicted_class"] == name] for name in predicted}
    judged = {name: rows(photos, number, deployed, part) for name, photos in of_class.items()}
    missing = {name: sentences.missing_sentence(one) for name, one in judged.items() if not lowest_proven(one)}
    context.console.print("", tables.class_table(judged, missing), sep="\n")
    proven = {name: lowest_proven(one) for name, one in judged.items()}
    return {
        name: {
            "photos": judged[name][0].photos,
            "proven": tables.fields(row) if row else None,
            "missing": missing.get(name),
        }
        for name, row in proven.items()
    }
