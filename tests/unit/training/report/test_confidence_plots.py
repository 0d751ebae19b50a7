"""Scope: the figures of confidence show every inference, for any number of inferences and classes."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tests.unit.training.report.tables import CLASSES, FEW, THRESHOLD, draw, many, table
from training.report import confidence_plots


def marks(axes: Axes) -> dict[str, np.ndarray]:
    """Return the points of each group of marks, by its label."""
    return {
        str(marks.get_label()): np.asarray(marks.get_offsets())
        for marks in axes.collections
        if isinstance(marks, PathCollection)
    }


def bars(axes: Axes) -> list[Rectangle]:
    return [bar for container in axes.containers for bar in container]


def test_every_inference_is_a_mark_at_its_confidence_and_outcome() -> None:
    found = marks(confidence_plots.confidence_over_time(FEW, THRESHOLD, CLASSES).axes[0])
    assert {label: sorted(points[:, 1]) for label, points in found.items()} == {
        "accepted, right (2)": [0.93, 0.99],
        "accepted, wrong (1)": [0.97],
        "accepted, label unknown (1)": [0.98],
        "refused, right (1)": [0.55],
        "refused, wrong (1)": [0.61],
    }


def test_every_mark_lies_within_the_axes_and_its_own_second() -> None:
    inferences = many(5000, CLASSES)
    axes = confidence_plots.confidence_over_time(inferences, THRESHOLD, CLASSES).axes[0]
    points = np.concatenate(list(marks(axes).values()))
    assert len(points) == len(inferences)
    assert points[:, 0].min() > axes.get_xlim()[0] and points[:, 0].max() < axes.get_xlim()[1]
    assert points[:, 1].min() > axes.get_ylim()[0] and points[:, 1].max() < axes.get_ylim()[1]
    late = np.sort(points[:, 0]) - np.sort(date2num(inferences["time"]))  # type: ignore[no-untyped-call]
    assert late.min() > -1e-9 and late.max() * 86400 < 1


def test_refused_marks_are_hollow_and_below_the_line() -> None:
    axes = confidence_plots.confidence_over_time(FEW, THRESHOLD, CLASSES).axes[0]
    assert any(np.array_equal(line.get_ydata(), [THRESHOLD, THRESHOLD]) for line in axes.lines)
    for group in axes.collections:
        refused = str(group.get_label()).startswith("refused")
        assert np.all(np.asarray(group.get_facecolor())[0, :3] == 1) == refused


@pytest.mark.parametrize("confidence", [0.02, 0.3, 1.0])
def test_the_axis_reaches_down_to_the_worst_failure(confidence: float) -> None:
    low, high = (
        confidence_plots.confidence_over_time(table((0, None, "bicycle", confidence)), THRESHOLD, CLASSES)
        .axes[0]
        .get_ylim()
    )
    assert 0 <= low <= min(0.5, confidence) and high > 1


def test_times_are_shown_in_utc() -> None:
    axes = draw(confidence_plots.confidence_over_time(FEW, THRESHOLD, CLASSES)).axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert "12:00:10" in labels
    assert axes.xaxis.get_offset_text().get_text() == "04 May 2026"


def test_histograms_count_every_inference_under_its_predicted_class() -> None:
    inferences = many(500, CLASSES)
    figure = confidence_plots.confidence_histograms(inferences, THRESHOLD, CLASSES)
    for axes, name in zip(figure.axes, CLASSES, strict=True):
        predicted = inferences[inferences["predicted_class"] == name]
        assert sum(bar.get_height() for bar in bars(axes)) == len(predicted)
        assert axes.get_title("left").startswith(f"{name}\n{len(predicted)}, ")


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.93, 0.999, 1.0])
def test_no_bar_is_half_refused(threshold: float) -> None:
    inferences = many(500, CLASSES).assign(below_threshold=lambda rows: rows["confidence"] < threshold)
    inferences.loc[0, ["confidence", "below_threshold"]] = threshold, False  # equal is accepted
    axes = confidence_plots.confidence_histograms(inferences, threshold, CLASSES).axes
    refused = sum(bar.get_height() for one in axes for bar in bars(one) if bar.get_x() < threshold - 1e-9)
    assert sum(bar.get_height() for one in axes for bar in bars(one)) == len(inferences)
    assert refused == inferences["below_threshold"].sum()


def test_right_wrong_and_unlabelled_are_stacked_without_overlap() -> None:
    alike = [(0, true, "motorcycle", 0.98) for true in ("motorcycle", "bicycle", None)]
    axes = confidence_plots.confidence_histograms(table(*alike), THRESHOLD, CLASSES).axes[1]
    assert {str(group.get_label()): sum(bar.get_height() for bar in group) for group in axes.containers} == {
        "label unknown": 1,
        "right": 1,
        "wrong": 1,
    }
    assert sorted((bar.get_y(), bar.get_y() + bar.get_height()) for bar in bars(axes)) == [(0, 1), (1, 2), (2, 3)]
    assert axes.get_ylim()[1] > 3


def test_as_many_classes_as_panels_have_one_each() -> None:
    classes = tuple(f"class {label}" for label in range(confidence_plots.MAX_PANELS))
    figure = confidence_plots.confidence_histograms(many(200, classes), THRESHOLD, classes)
    assert [axes.get_title("left").partition("\n")[0] for axes in figure.axes] == [*classes]


def test_the_rarest_of_many_classes_share_a_panel() -> None:
    classes = tuple(f"class {label}" for label in range(100))
    inferences = many(2000, classes)
    figure = confidence_plots.confidence_histograms(inferences, THRESHOLD, classes)
    assert len(figure.axes) == confidence_plots.MAX_PANELS
    assert figure.axes[-1].get_title("left").startswith("89 other classes")
    assert sum(bar.get_height() for axes in figure.axes for bar in bars(axes)) == len(inferences)


@pytest.mark.parametrize("plot", [confidence_plots.confidence_over_time, confidence_plots.confidence_histograms])
def test_inferences_without_labels_can_be_drawn(plot: Callable[..., Figure]) -> None:
    draw(plot(table((0, None, "bicycle", 0.99), (5, None, "motorcycle", 0.5)), THRESHOLD, CLASSES))
