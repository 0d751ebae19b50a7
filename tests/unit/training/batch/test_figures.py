"""The figures of a batch."""

from pathlib import Path

from PIL import Image

from tests.unit.training.batch.conftest import ACCEPTED, BROKEN, REFUSED
from training.batch import figures
from training.batch.verdicts import Outcomes, Verdict


def counted(*verdicts: Verdict) -> Outcomes:
    outcomes = Outcomes()
    for verdict in verdicts:
        outcomes.add(verdict)
    return outcomes


def test_both_figures_are_written(tmp_path: Path) -> None:
    found = figures.write(counted(ACCEPTED, REFUSED, BROKEN), 0.93, tmp_path)
    assert [path.name for path in found] == ["confidences.png", "outcomes.png"]
    for path in found:
        with Image.open(path) as figure:
            assert figure.width > 800


def test_without_a_confidence_there_is_no_histogram(tmp_path: Path) -> None:
    assert [path.name for path in figures.write(counted(BROKEN), 0.93, tmp_path)] == ["outcomes.png"]
    assert figures.write(Outcomes(), 0.93, tmp_path) == []


def test_bars_are_as_high_as_their_counts() -> None:
    (axes,) = figures.confidences(counted(*[ACCEPTED] * 3, REFUSED), 0.93).axes
    heights = {(round(bar.get_x() + bar.get_width() / 2, 2), bar.get_height()) for bar in axes.patches}  # type: ignore[attr-defined]
    assert {(0.95, 3), (0.61, 1)} <= heights


def test_the_legend_says_the_shares() -> None:
    figure = figures.shares(counted(*[ACCEPTED] * 6, REFUSED, BROKEN))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "accepted 75.0%",
        "refused 12.5%",
        "without a class 12.5%",
    ]


def test_rare_classes_share_the_last_bar() -> None:
    many = [{**ACCEPTED, "class": number} for number in range(30) for _ in range(30 - number)]
    rows = figures.of_classes(counted(*many))
    assert list(rows)[:2] == ["0", "1"] and len(rows) == figures.MOST_CLASSES + 1
    assert rows[figures.OTHERS] == (sum(range(1, 11)), 0)
