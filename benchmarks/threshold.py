"""Measures how often a proven threshold breaks its promise, and whether as many photos are refused as was expected.

    python benchmarks/threshold.py --archive PATH --models 5 --splits 40

Each model is trained on 200 photos and classifies the other ones. These predictions are split at random, many times:
one half proves a threshold as `run.py threshold` does, the other half shows what the threshold does then. A promise is
broken when the share of errors among all of the model's predictions is above it. That of the other half alone says
less: few errors in one half of a finite number are many in the other. Photos are also drawn with replacement, for which
the predictions are the whole world.
docs/thresholds.md has the results.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.learning import deal, fit_model, read_all  # noqa: E402  # needs the line above
from training.statistics.intervals import wilson  # noqa: E402
from training.statistics.proven import holm  # noqa: E402
from training.threshold.thresholds import Aim, Row, lowest_proven, rows  # noqa: E402

RATES = (0.02, 0.05, 0.1)
CONFIDENCE = 0.95
DEPLOYED = 0.93
Find = Callable[[Sequence[Row]], Row | None]


@dataclass(frozen=True)
class Trial:
    """What one half, or sample, proved, and what the other photos show of it."""

    proven: Row | None
    share: float  # wrong of the accepted among all predictions; 0 where nothing is proven
    other: float  # the same among the other photos
    expected: Row  # of the deployed threshold
    refused: float  # of 1,000 of the other photos, at the deployed threshold


def main() -> None:
    """Print a table of broken promises, and one of refusals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, required=True, help="CIFAR-100 python archive (.tar.gz)")
    parser.add_argument("--models", type=int, default=5, help="models, seeds from 0 (default 5)")
    parser.add_argument("--splits", type=int, default=40, help="splits for each model (default 40)")
    parser.add_argument("--keep", type=Path, help="CSV file of the predictions: written, or read if it is there")
    arguments = parser.parse_args()
    predictions = kept_predictions(arguments.archive, arguments.models, arguments.keep)
    for drawing in (halves, samples):
        print(f"\n{drawing.__doc__}")
        for rate in RATES:
            aim = Aim(rate, CONFIDENCE)
            for name, find in {"fixed sequence": lowest_proven, "Holm": lowest_by_holm}.items():
                trials = [trial(one, aim, find) for one in draws(predictions, arguments.splits, drawing)]
                print(line(trials, rate, name))
        print(refusals(trials))


def kept_predictions(archive: Path, models: int, path: Path | None) -> pd.DataFrame:
    """Return the answers of each model to the photos that it was not trained on."""
    if path and path.exists():
        return pd.read_csv(path)
    photos = read_all(archive)
    tables = []
    for seed in range(models):
        first, *others = deal(photos.labels.numpy(), np.random.default_rng(seed))
        rest = np.concatenate(others)
        probabilities = fit_model(photos, first, rest, seed).softmax(dim=1).max(dim=1)
        found = {"predicted_class": probabilities.indices, "confidence": probabilities.values}
        tables.append(pd.DataFrame({"model": seed, "true_class": photos.labels.numpy()[rest], **found}))
        print(
            f"model {seed}: {(tables[-1]['true_class'] == tables[-1]['predicted_class']).mean():.4f} right", flush=True
        )
    table = pd.concat(tables, ignore_index=True)
    if path:
        table.to_csv(path, index=False)
    return table


@dataclass(frozen=True)
class Draw:
    """Predictions of one model."""

    proves: pd.DataFrame
    shows: pd.DataFrame
    whole: pd.DataFrame


def draws(
    predictions: pd.DataFrame, splits: int, drawing: Callable[[pd.DataFrame, np.random.Generator], Draw]
) -> Iterator[Draw]:
    for seed, table in predictions.groupby("model"):
        random = np.random.default_rng([0, int(str(seed))])
        for _ in range(splits):
            yield drawing(table, random)


def halves(table: pd.DataFrame, random: np.random.Generator) -> Draw:
    """One half of the predictions proves, the other half shows."""
    order = random.permutation(len(table))
    return Draw(table.iloc[order[: len(order) // 2]], table.iloc[order[len(order) // 2 :]], table)


def samples(table: pd.DataFrame, random: np.random.Generator) -> Draw:
    """As many photos, drawn with replacement, prove; all predictions show."""
    return Draw(table.iloc[random.integers(len(table), size=len(table) // 2)], table, table)


def trial(draw: Draw, aim: Aim, find: Find) -> Trial:
    found = rows(draw.proves, 2, DEPLOYED, aim)
    row = find(found)
    expected = next(one for one in found if one.threshold == DEPLOYED)
    refused = 1000 * float((draw.shows["confidence"] < DEPLOYED).mean())
    return Trial(row, error_share(draw.whole, row), error_share(draw.shows, row), expected, refused)


def error_share(photos: pd.DataFrame, row: Row | None) -> float:
    """Return the share of the photos above a threshold that are wrong; 0 without a threshold."""
    accepted = photos[photos["confidence"] >= row.threshold] if row else photos[:0]
    wrong = (accepted["true_class"] != accepted["predicted_class"]).sum()
    return float(wrong) / max(1, len(accepted))


def lowest_by_holm(found: Sequence[Row]) -> Row | None:
    level = 1 - found[0].aim.confidence
    rejected = holm([row.p_value for row in found], level)
    return next((row for row, is_proven in zip(found, rejected, strict=True) if is_proven), None)


def line(trials: Sequence[Trial], rate: float, name: str) -> str:
    """Return how often a threshold was proven, and how often there are more errors than promised."""
    proven = [one for one in trials if one.proven]
    broken = sum(one.share >= rate for one in proven)
    other = sum(one.other >= rate for one in proven)
    low, high = wilson(broken, len(trials))
    accepted = np.mean([one.proven.coverage for one in proven if one.proven]) if proven else 0.0
    return (
        f"{rate:5.0%}  {name:14}  proven in {len(proven)} of {len(trials)}, accepting {accepted:.1%}; "
        f"broken in {broken} ({broken / len(trials):.1%}, {low:.1%} to {high:.1%}); the other photos: {other} above it"
    )


def refusals(trials: Sequence[Trial]) -> str:
    """Return how the refusals at the deployed threshold compare with what was expected."""
    within = sum(low <= one.refused <= high for one in trials for low, high in [one.expected.refusals_interval])
    expected, found = (
        np.mean(values) for values in zip(*((one.expected.refusals, one.refused) for one in trials), strict=True)
    )
    apart = np.mean([abs(one.expected.refusals - one.refused) for one in trials])
    return (
        f"refused of 1,000 at {DEPLOYED:g}: {expected:.0f} expected, {found:.0f} measured, {apart:.0f} apart on "
        f"average; within the 95 % interval in {within} of {len(trials)}"
    )


if __name__ == "__main__":
    main()
