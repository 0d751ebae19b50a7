"""The options of `review`: how many photos, since when, and one way to answer them."""

from datetime import timedelta

import pytest

from training.arguments import options_for, parse
from training.options import ReviewOptions


def options(*words: str) -> ReviewOptions:
    return options_for(ReviewOptions, parse(["review", *words]))


def test_without_options_the_page_opens_with_a_hundred_photos_of_each_kind() -> None:
    assert options() == ReviewOptions()
    assert ReviewOptions().browser


def test_all_options_arrive() -> None:
    words = ["--refused", "5", "--mistakes", "0", "--accepted", "7", "--since", "12h", "--seed", "3", "--no-browser"]
    assert options(*words) == ReviewOptions(5, 0, 7, timedelta(hours=12), False, 3)


@pytest.mark.parametrize(
    ("word", "file", "field"),
    [
        ("--export", "a.html", "export"),
        ("--export-label-studio", "a.json", "export_label_studio"),
        ("--import", "b.JSON", "import_answers"),
    ],
)
def test_a_file_has_its_ending(word: str, file: str, field: str) -> None:
    assert getattr(options(word, file), field) == file
    with pytest.raises(SystemExit):
        options(word, "a.txt")


@pytest.mark.parametrize(
    "words", [("--export", "a.html", "--import", "a.json"), ("--no-browser", "--export", "a.html")]
)
def test_there_is_one_way_at_a_time(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        options(*words)


@pytest.mark.parametrize("value", ["0m", "7", "d", "4000d", "1w", ""])
def test_a_time_that_is_none(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options("--since", value)
    assert "such as 90m, 12h or 7d" in capsys.readouterr().err
