"""The figures of a batch: its confidences, and what became of the photos of each class."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from training.batch.verdicts import ACCEPTED, BINS, REFUSED, Outcomes
from training.report import fonts
from training.report.style import RIGHT, STYLE, THRESHOLD_LINE, UNKNOWN, WIDTH, WRONG
from training.streams import short_name

COLORS = {ACCEPTED: RIGHT, REFUSED: WRONG}
MOST_CLASSES = 20  # bars; the other classes share one
LONGEST_NAME = 22  # characters
OTHERS = "others"


def write(outcomes: Outcomes, threshold: float, directory: Path) -> list[Path]:
    """Write the figures that there is something to draw of; returns their paths."""
    figures = {}
    families = fonts.families(name for name, _ in outcomes.classes)
    with matplotlib.rc_context({**STYLE, "font.family": families}):
        if outcomes.confidences:
            figures["confidences.png"] = confidences(outcomes, threshold)
        if outcomes.photos:
            figures["outcomes.png"] = shares(outcomes)
        for name, figure in figures.items():
            figure.savefig(directory / name, dpi=144)
    return [directory / name for name in figures]


def confidences(outcomes: Outcomes, threshold: float) -> Figure:
    """Draw how many photos have which confidence, from the lowest that there is."""
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    lowest = min(number for number, _ in outcomes.confidences)
    bins = range(lowest, BINS)
    below = [0] * len(bins)
    for outcome, color in COLORS.items():
        counts = [outcomes.confidences[number, outcome] for number in bins]
        axes.bar([(number + 0.5) / BINS for number in bins], counts, 0.9 / BINS, below, color=color, label=outcome)
        below = [one + other for one, other in zip(below, counts, strict=True)]
    axes.axvline(threshold, **THRESHOLD_LINE)
    axes.set(xlabel=f"Confidence (threshold {threshold:g})", ylabel="Photos", xlim=(lowest / BINS, 1.0))
    figure.legend(loc="outside upper left", ncols=2, fontsize=10)
    return figure


def shares(outcomes: Outcomes) -> Figure:
    """Draw a bar for each class, accepted and refused, and one for the photos that could not be classified."""
    rows = of_classes(outcomes)
    labels = [short_name(name, LONGEST_NAME) for name in rows]
    figure = Figure(figsize=(WIDTH, 1.6 + 0.35 * (len(rows) + 1)))
    axes = figure.subplots()
    left = [0] * len(rows)
    for number, (outcome, color) in enumerate(COLORS.items()):
        counts = [row[number] for row in rows.values()]
        share = outcomes.share(sum(counts))
        axes.barh(labels, counts, left=left, color=color, label=f"{outcome} {share:.1%}")
        left = [one + other for one, other in zip(left, counts, strict=True)]
    if outcomes.failed:
        label = f"without a class {outcomes.share(outcomes.failed):.1%}"
        axes.barh(["without a class"], [outcomes.failed], color=UNKNOWN, label=label)
    axes.invert_yaxis()
    axes.set(xlabel="Photos")
    figure.legend(loc="outside upper left", ncols=3, fontsize=10)
    return figure


def of_classes(outcomes: Outcomes) -> dict[str, tuple[int, int]]:
    """Return how many photos of each class are accepted and refused; the rarest classes share the last bar."""
    totals = {name: outcomes.classes[name, ACCEPTED] + outcomes.classes[name, REFUSED] for name, _ in outcomes.classes}
    names = sorted(totals, key=lambda name: (-totals[name], name))
    rows: dict[str, tuple[int, int]] = {}
    for name in names:
        shown = name if len(rows) < MOST_CLASSES else OTHERS
        accepted, refused = rows.get(shown, (0, 0))
        counts = outcomes.classes
        rows[shown] = (accepted + counts[name, ACCEPTED], refused + counts[name, REFUSED])
    return rows
