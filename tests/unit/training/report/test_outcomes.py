"""Scope: what counts as right, wrong, labelled and refused."""

import numpy as np
import pytest

from tests.unit.training.report.tables import CLASSES, FEW, table
from training.report.outcomes import confusion, coverage_and_accuracy, outcomes


def test_only_labelled_inferences_are_right_or_wrong() -> None:
    found = outcomes(FEW)
    assert found.refused.tolist() == [False, False, False, True, True, False]
    assert found.labelled.tolist() == [True, True, True, True, True, False]
    assert found.right.tolist() == [True, True, False, True, False, False]
    assert found.wrong.tolist() == [False, False, True, False, True, False]


def test_the_confusion_counts_true_classes_in_rows() -> None:
    bicycles = [("bicycle", "bicycle")] * 2 + [("bicycle", "motorcycle")]
    pairs = [*bicycles, *[("motorcycle", "motorcycle")] * 4, (None, "bicycle")]
    inferences = table(*((0, true, predicted, 0.5) for true, predicted in pairs))
    assert confusion(inferences, CLASSES).tolist() == [[2, 1], [0, 4]]


def test_shares_rise_with_equal_confidences_accepted() -> None:
    thresholds = np.array([0.5, 0.61, 0.62, 0.97, 0.99, 1.0])
    coverage, accuracy = coverage_and_accuracy(FEW, thresholds)
    assert coverage == pytest.approx([1, 5 / 6, 4 / 6, 3 / 6, 1 / 6, 0])
    assert accuracy == pytest.approx([3 / 5, 2 / 4, 2 / 3, 1 / 2, 1, np.nan], nan_ok=True)
