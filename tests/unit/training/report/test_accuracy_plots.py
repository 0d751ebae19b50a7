"""Scope: the figures of what was right."""

import pytest

from tests.unit.training.report.tables import CLASSES, FEW, THRESHOLD, many, table
from training.report import accuracy_plots


def test_the_confusion_matrix_has_true_classes_in_rows() -> None:
    labels = (
        [("bicycle", "bicycle")] * 2
        + [("bicycle", "motorcycle")]
        + [("motorcycle", "motorcycle")] * 4
        + [(None, "bicycle")]
    )
    inferences = table(*((0, true, predicted, 0.5) for true, predicted in labels))
    axes = accuracy_plots.confusion_matrix(inferences, THRESHOLD, CLASSES).axes[0]
    texts = {text.get_position(): text.get_text() for text in axes.texts}  # by (column, row)
    assert texts == {(0, 0): "2\n67%", (1, 0): "1\n33%", (0, 1): "0", (1, 1): "4\n100%"}
    assert [label.get_text() for label in axes.get_yticklabels()] == [*CLASSES]


def test_a_class_without_images_has_an_empty_row() -> None:
    only = table((0, "motorcycle", "motorcycle", 0.9))
    axes = accuracy_plots.confusion_matrix(only, THRESHOLD, CLASSES).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["0", "0", "0", "1\n100%"]


@pytest.mark.parametrize(("classes", "cells"), [(12, 144), (13, 0)])
def test_the_counts_stand_in_the_cells_of_a_matrix_that_has_room_for_them(classes: int, cells: int) -> None:
    names = tuple(f"class {label}" for label in range(classes))
    assert classes - accuracy_plots.MAX_COUNTED_CLASSES in (0, 1)
    assert len(accuracy_plots.confusion_matrix(many(50, names), THRESHOLD, names).axes[0].texts) == cells


def test_the_current_threshold_is_marked_on_both_curves() -> None:
    axes = accuracy_plots.accuracy_and_coverage(FEW, THRESHOLD, CLASSES).axes[0]
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() in ("o", "s")]  # type: ignore[index]
    assert dots == [(THRESHOLD, pytest.approx(4 / 6)), (THRESHOLD, pytest.approx(2 / 3))]
    labels = [str(line.get_label()) for line in axes.lines]
    assert "66.7% accepted" in labels and "66.7% of the accepted are right" in labels
