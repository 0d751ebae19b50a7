"""Precision and recall of each class."""

from dataclasses import dataclass

import pandas as pd

from training.report.outcomes import confusion
from training.statistics.intervals import Share


@dataclass(frozen=True)
class ClassFigures:
    """How one class fares among the labelled inferences, refused ones included."""

    name: str
    precision: Share  # right ones of those that the model took for this class
    recall: Share  # right ones of those that show this class


def class_figures(inferences: pd.DataFrame, classes: tuple[str, ...]) -> list[ClassFigures]:
    """Return the figures of all classes that occur, in label order; none without labels."""
    counts = confusion(inferences, classes)
    shown, said = counts.sum(axis=1), counts.sum(axis=0)
    return [
        ClassFigures(name, Share(int(counts[label, label]), int(said[label])), Share(right, int(shown[label])))
        for label, name in enumerate(classes)
        for right in [int(counts[label, label])]
        if said[label] or shown[label]
    ]
