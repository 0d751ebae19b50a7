"""Scope: what is told of a figure to readers who do not see it."""

import pandas as pd
import pytest

from tests.unit.training.report.tables import CLASSES, FEW, THRESHOLD, many
from training.report.descriptions import DESCRIPTIONS, describe
from training.report.files import FIGURES, LABELLED_FIGURES, TRAINING_FIGURES


@pytest.mark.parametrize(
    ("plot", "sentence"),
    [
        (
            "confidence_over_time",
            "Confidence of 6 images from 2026-05-04 12:00:00 to 12:00:30 UTC, between 0.550 and 0.990, median 0.950. "
            "4 lie at or above the threshold of 0.93, 2 below. 3 are right, 2 wrong, 1 are of unknown class; "
            "1 of the wrong ones were accepted.",
        ),
        ("confidence_histograms", "bicycle: 3, 1 refused, 1 wrong, median 0.930; motorcycle: 3, 1 refused, 1 wrong"),
        ("confusion_matrix", "bicycle: 2 of 3 right, 1 taken for motorcycle; motorcycle: 1 of 2 right"),
        ("accuracy_and_coverage", "at 0.93 66.7% are accepted and 66.7% of them are right; at 0.95 50.0% are"),
        ("risk_and_coverage", "0.0% of the surest 20.0%, 50.0% of the surest 40.0%"),
        ("reliability_curve", "60.0% (23.1% to 88.2%) at 81.0%"),
    ],
)
def test_the_numbers_that_are_seen_are_told(plot: str, sentence: str) -> None:
    assert sentence in describe(plot, FEW, THRESHOLD, CLASSES)


def test_the_curves_of_a_training_are_told() -> None:
    metrics = pd.DataFrame(
        [(0, "train:accuracy", 0.5), (1, "train:accuracy", 0.9), (1, "unseen:accuracy", 0.8)],
        columns=["epoch", "metric", "value"],
    )
    assert describe("training_curve", metrics, THRESHOLD, CLASSES) == (
        "Curves of 2 epochs: train accuracy from 0.500 to 0.900."
    )


def test_every_figure_has_a_description_that_stays_short() -> None:
    plots = {plot.__name__ for plot in (*FIGURES, *LABELLED_FIGURES, *TRAINING_FIGURES)}
    assert set(DESCRIPTIONS) == plots
    classes = tuple(f"class {label}" for label in range(40))
    for name in plots - {"training_curve"}:
        assert len(describe(name, many(400, classes), THRESHOLD, classes)) < 1500
