"""Scope: the share of mistakes among the surest inferences, and the axis that shows it."""

import numpy as np
import pytest

from tests.unit.training.report.tables import CLASSES, FEW, THRESHOLD, draw, table
from training.report.risk_plots import MOST_POINTS, risk_and_coverage, risk_of


def test_mistakes_are_counted_from_the_surest_on_with_equal_confidences_together() -> None:
    rows = [("bicycle", 0.9), ("bicycle", 0.8), ("motorcycle", 0.8), ("motorcycle", 0.6)]
    found = risk_of(table(*((0, true, "bicycle", sure) for true, sure in rows)))
    assert found.thresholds.tolist() == [0.9, 0.8, 0.6]
    assert found.accepted.tolist() == [1, 3, 4] and found.wrong.tolist() == [0, 1, 2]
    assert found.coverage == pytest.approx([1 / 4, 3 / 4, 1]) and found.risk == pytest.approx([0, 1 / 3, 1 / 2])


def test_only_labelled_inferences_count() -> None:
    assert risk_of(FEW).labelled == 5 and risk_of(FEW).accepted[-1] == 5


def test_many_inferences_make_few_points_that_keep_the_ends() -> None:
    sure = np.linspace(0.5, 1, 5000)
    found = risk_of(table(*((0, "bicycle", "bicycle", float(one)) for one in sure)))
    assert len(found.thresholds) == MOST_POINTS
    assert (found.accepted[0], found.accepted[-1]) == (1, 5000)


def good_model() -> "list[tuple[int, str, str, float]]":
    """Return 400 inferences, of which the 12 least sure ones are wrong."""
    return [(0, "bicycle", "bicycle" if n >= 12 else "motorcycle", (600 + n) / 1000) for n in range(400)]


def test_the_axis_shows_the_differences_and_the_threshold_of_today() -> None:
    figure = draw(risk_and_coverage(table(*good_model()), THRESHOLD, CLASSES))
    low, high = figure.axes[0].get_ylim()
    assert low == 0 and 0.03 < high < 0.08  # 3 % are wrong; an axis up to 100 % would be a flat line
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "threshold now, 0.93: 17.5% accepted, 0.0% of them wrong" in told
    assert figure.axes[0].get_xlim()[0] == pytest.approx(0.075)


def test_the_thresholds_above_the_curve_stand_apart() -> None:
    figure = draw(risk_and_coverage(table(*good_model()), THRESHOLD, CLASSES))
    (above,) = figure.axes[0].child_axes
    ticks = dict(zip((text.get_text() for text in above.get_xticklabels()), above.get_xticks(), strict=True))
    assert ticks == pytest.approx({"0.5": 1, "0.7": 0.75, "0.8": 0.5, "0.85": 0.375, "0.9": 0.25, "0.95": 0.125})


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_that_accepts_all_or_nothing_can_be_drawn(threshold: float) -> None:
    draw(risk_and_coverage(FEW, threshold, CLASSES))
