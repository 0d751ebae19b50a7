"""Scope: the figures show the data they are given, for any number of inferences and classes."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training.report import plots

CLASSES = ("bicycle", "motorcycle")
START = pd.Timestamp("2026-05-04T12:00:00Z")
THRESHOLD = 0.93
ALL = (plots.confidence_over_time, plots.confidence_histograms, plots.confusion_matrix, plots.accuracy_and_coverage)


def table(*rows: tuple[int, str | None, str, float], threshold: float = THRESHOLD) -> pd.DataFrame:
    """Make inferences from second, true class, predicted class and confidence."""
    seconds, true, predicted, confidence = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "time": START + pd.to_timedelta(seconds, unit="s"),
            "true_class": pd.Series(true, dtype=object),
            "predicted_class": predicted,
            "confidence": confidence,
            "below_threshold": np.array(confidence) < threshold,
        }
    )


FEW = table(
    (0, "bicycle", "bicycle", 0.99),
    (0, "bicycle", "bicycle", 0.93),
    (4, "bicycle", "motorcycle", 0.97),
    (9, "motorcycle", "motorcycle", 0.55),
    (9, "motorcycle", "bicycle", 0.61),
    (30, None, "motorcycle", 0.98),
)


def many(count: int, classes: tuple[str, ...]) -> pd.DataFrame:
    random = np.random.default_rng(0)
    true, predicted = random.choice(classes, (2, count))
    confidence = random.uniform(1 / len(classes), 1, count)
    return table(*zip(random.integers(0, 3600, count), true, predicted, confidence, strict=True))


def draw(figure: Figure) -> Figure:
    figure.draw_without_rendering()
    return figure


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
    found = marks(plots.confidence_over_time(FEW, THRESHOLD, CLASSES).axes[0])
    assert {label: sorted(points[:, 1]) for label, points in found.items()} == {
        "accepted, right (2)": [0.93, 0.99],
        "accepted, wrong (1)": [0.97],
        "accepted, label unknown (1)": [0.98],
        "refused, right (1)": [0.55],
        "refused, wrong (1)": [0.61],
    }


def test_every_mark_lies_within_the_axes_and_its_own_second() -> None:
    inferences = many(5000, CLASSES)
    axes = plots.confidence_over_time(inferences, THRESHOLD, CLASSES).axes[0]
    points = np.concatenate(list(marks(axes).values()))
    assert len(points) == len(inferences)
    assert points[:, 0].min() > axes.get_xlim()[0] and points[:, 0].max() < axes.get_xlim()[1]
    assert points[:, 1].min() > axes.get_ylim()[0] and points[:, 1].max() < axes.get_ylim()[1]
    late = np.sort(points[:, 0]) - np.sort(date2num(inferences["time"]))
    assert late.min() > -1e-9 and late.max() * 86400 < 1


def test_refused_marks_are_hollow_and_below_the_line() -> None:
    axes = plots.confidence_over_time(FEW, THRESHOLD, CLASSES).axes[0]
    assert any(list(line.get_ydata()) == [THRESHOLD, THRESHOLD] for line in axes.lines)
    for group in axes.collections:
        refused = str(group.get_label()).startswith("refused")
        assert (group.get_facecolor()[0, :3] == 1).all() == refused  # type: ignore[index]


@pytest.mark.parametrize("confidence", [0.02, 0.3, 1.0])
def test_the_axis_reaches_down_to_the_worst_failure(confidence: float) -> None:
    low, high = (
        plots.confidence_over_time(table((0, None, "bicycle", confidence)), THRESHOLD, CLASSES).axes[0].get_ylim()
    )
    assert 0 <= low <= min(0.5, confidence) and high > 1


def test_times_are_shown_in_utc() -> None:
    axes = draw(plots.confidence_over_time(FEW, THRESHOLD, CLASSES)).axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert "12:00:10" in labels
    assert axes.xaxis.get_offset_text().get_text() == "04 May 2026"


def test_histograms_count_every_inference_under_its_predicted_class() -> None:
    inferences = many(500, CLASSES)
    figure = plots.confidence_histograms(inferences, THRESHOLD, CLASSES)
    for axes, name in zip(figure.axes, CLASSES, strict=True):
        predicted = inferences[inferences["predicted_class"] == name]
        assert sum(bar.get_height() for bar in bars(axes)) == len(predicted)
        assert axes.get_title("left").startswith(f"{name}\n{len(predicted)}, ")


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.93, 0.999, 1.0])
def test_no_bar_is_half_refused(threshold: float) -> None:
    inferences = many(500, CLASSES).assign(below_threshold=lambda rows: rows["confidence"] < threshold)
    inferences.loc[0, ["confidence", "below_threshold"]] = threshold, False  # equal is accepted
    axes = plots.confidence_histograms(inferences, threshold, CLASSES).axes
    refused = sum(bar.get_height() for one in axes for bar in bars(one) if bar.get_x() < threshold - 1e-9)
    assert sum(bar.get_height() for one in axes for bar in bars(one)) == len(inferences)
    assert refused == inferences["below_threshold"].sum()


def test_right_wrong_and_unlabelled_are_stacked_without_overlap() -> None:
    alike = [(0, true, "motorcycle", 0.98) for true in ("motorcycle", "bicycle", None)]
    axes = plots.confidence_histograms(table(*alike), THRESHOLD, CLASSES).axes[1]
    assert {str(group.get_label()): sum(bar.get_height() for bar in group) for group in axes.containers} == {
        "label unknown": 1,
        "right": 1,
        "wrong": 1,
    }
    assert sorted((bar.get_y(), bar.get_y() + bar.get_height()) for bar in bars(axes)) == [(0, 1), (1, 2), (2, 3)]
    assert axes.get_ylim()[1] > 3


def test_the_rarest_of_many_classes_share_a_panel() -> None:
    classes = tuple(f"class {label}" for label in range(100))
    inferences = many(2000, classes)
    figure = plots.confidence_histograms(inferences, THRESHOLD, classes)
    assert len(figure.axes) == plots.MAX_PANELS
    assert figure.axes[-1].get_title("left").startswith("89 other classes")
    assert sum(bar.get_height() for axes in figure.axes for bar in bars(axes)) == len(inferences)


def test_the_confusion_matrix_has_true_classes_in_rows() -> None:
    labels = (
        [("bicycle", "bicycle")] * 2
        + [("bicycle", "motorcycle")]
        + [("motorcycle", "motorcycle")] * 4
        + [(None, "bicycle")]
    )
    inferences = table(*((0, true, predicted, 0.5) for true, predicted in labels))
    assert plots.confusion(inferences, CLASSES).tolist() == [[2, 1], [0, 4]]
    axes = plots.confusion_matrix(inferences, THRESHOLD, CLASSES).axes[0]
    texts = {text.get_position(): text.get_text() for text in axes.texts}  # by (column, row)
    assert texts == {(0, 0): "2\n67%", (1, 0): "1\n33%", (0, 1): "0", (1, 1): "4\n100%"}
    assert [label.get_text() for label in axes.get_yticklabels()] == [*CLASSES]


def test_a_class_without_images_has_an_empty_row() -> None:
    only = table((0, "motorcycle", "motorcycle", 0.9))
    axes = plots.confusion_matrix(only, THRESHOLD, CLASSES).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["0", "0", "0", "1\n100%"]


def test_shares_rise_with_equal_confidences_accepted() -> None:
    thresholds = np.array([0.5, 0.61, 0.62, 0.97, 0.99, 1.0])
    coverage, accuracy = plots.coverage_and_accuracy(FEW, thresholds)
    assert coverage == pytest.approx([1, 5 / 6, 4 / 6, 3 / 6, 1 / 6, 0])
    assert accuracy == pytest.approx([3 / 5, 2 / 4, 2 / 3, 1 / 2, 1, np.nan], nan_ok=True)


def test_the_current_threshold_is_marked_on_both_curves() -> None:
    axes = plots.accuracy_and_coverage(FEW, THRESHOLD, CLASSES).axes[0]
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"]  # type: ignore[index]
    assert dots == [(THRESHOLD, pytest.approx(4 / 6)), (THRESHOLD, pytest.approx(2 / 3))]
    labels = [str(line.get_label()) for line in axes.lines]
    assert "66.7% accepted" in labels and "66.7% of the accepted are right" in labels


@pytest.mark.parametrize("plot", ALL)
@pytest.mark.parametrize(
    "classes", [CLASSES, (r"$\no_formula$", "<b>", "c^", "d"), tuple(f"class {n}" for n in range(20))]
)
@pytest.mark.parametrize("count", [1, 30])
def test_all_figures_can_be_drawn(plot: Callable[..., Figure], classes: tuple[str, ...], count: int) -> None:
    assert len(draw(plot(many(count, classes), THRESHOLD, classes)).axes) > 0


@pytest.mark.parametrize("plot", [plots.confidence_over_time, plots.confidence_histograms])
def test_inferences_without_labels_can_be_drawn(plot: Callable[..., Figure]) -> None:
    draw(plot(table((0, None, "bicycle", 0.99), (5, None, "motorcycle", 0.5)), THRESHOLD, CLASSES))
