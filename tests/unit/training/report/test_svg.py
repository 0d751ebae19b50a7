"""Scope: figures as part of a page."""

import re

import pytest

from tests.unit.training.report.tables import CLASSES, FEW, THRESHOLD, many
from training.report import accuracy_plots, confidence_plots, svg
from training.report.files import FIGURES, LABELLED_FIGURES
from training.report.style import Plot


@pytest.fixture(scope="module")
def over_time() -> str:
    return svg.inline(confidence_plots.confidence_over_time(FEW, THRESHOLD, CLASSES), "one", 'sure & "right"')


def test_text_is_text_and_colours_are_the_page_s(over_time: str) -> None:
    assert ">Confidence</text>" in over_time and "fill: var(--right)" in over_time
    assert "#" not in re.sub(r'(?:href="|url\()#', "", over_time)  # no colour that the page does not know
    assert "font-family" not in over_time and "http" not in over_time
    assert over_time.startswith("<svg viewBox=") and 'aria-label="sure &amp; &quot;right&quot;"' in over_time


@pytest.mark.parametrize("plot", (*FIGURES, *LABELLED_FIGURES))
def test_the_page_s_style_knows_all_colours(plot: Plot) -> None:
    found = svg.inline(plot(many(30, CLASSES), THRESHOLD, CLASSES), "one", "")
    assert set(re.findall(r"#[0-9a-f]{6}\b(?!\w)", found)) <= {""}


def test_each_mark_stands_in_a_group_that_knows_its_photos(over_time: str) -> None:
    groups = re.findall(r'<g id="(marks-[^"]*)">(.*?)</g>\s*</g>', over_time, re.DOTALL)
    drawn = {name: len(re.findall("<use", group)) for name, group in groups}
    assert drawn == {name: len(places) for name, places in confidence_plots.marks(FEW).items()}
    assert 'role="group"' in over_time  # an image's parts could not be reached
    assert len(re.findall(r"<use [^>]*style", "".join(group for _, group in groups))) == 0


def test_figures_of_one_page_do_not_share_names() -> None:
    names = [
        set(re.findall(r' id="([^"]*)"', svg.inline(accuracy_plots.accuracy_and_coverage(FEW, 0.9, CLASSES), name, "")))
        for name in ("one", "two")
    ]
    assert names[0] and not names[0] & names[1]


def test_many_marks_are_pixels() -> None:
    inferences = many(confidence_plots.MOST_MARKS + 1, CLASSES)
    found = svg.inline(confidence_plots.confidence_over_time(inferences, 0.5, CLASSES), "one", "")
    assert "marks-accepted-right" not in found and "marks-accepted-wrong" in found
    assert "data:image/png;base64," in found


def test_a_class_that_looks_like_a_tag_stays_text() -> None:
    classes = ('<b style="fill: #0072b2">', "other")
    found = svg.inline(accuracy_plots.confusion_matrix(many(9, classes), 0.9, classes), "one", "")
    assert "<b" not in found and "&lt;b style" in found
