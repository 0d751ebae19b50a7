"""Scope: every figure of a report can be drawn. `test_monitor.py` shows what is written."""

from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from tests.unit.training.report.tables import CLASSES, THRESHOLD, draw, many
from training.report.files import FIGURES, LABELLED_FIGURES


@pytest.mark.parametrize("plot", (*FIGURES, *LABELLED_FIGURES))
@pytest.mark.parametrize(
    "classes", [CLASSES, (r"$\no_formula$", "<b>", "c^", "d"), tuple(f"class {n}" for n in range(20))]
)
@pytest.mark.parametrize("count", [1, 30])
def test_all_figures_can_be_drawn(plot: Callable[..., Figure], classes: tuple[str, ...], count: int) -> None:
    assert len(draw(plot(many(count, classes), THRESHOLD, classes)).axes) > 0
