"""Scope: the report says what the inferences say, escapes what it is given and needs no other file."""

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from tests.unit.training.fakes import DATASET, RESULTS
from training.checks.limits import Limits
from training.checks.verdict import judge
from training.config import Stack
from training.report import history, page, photos
from training.report.evidence import of_inferences
from training.report.photos import MAX_ROWS
from training.report.summaries import summarise
from training.results import Comparison, Dataset, Executions, RunResults

PNG = b"\x89PNG\r\n\x1a\n not really"
SVG = '<svg viewBox="0 0 1 1" role="img" aria-label="something is seen"></svg>'
FIGURES = (
    "confidence_over_time",
    "confidence_histograms",
    "confusion_matrix",
    "accuracy_and_coverage",
    "risk_and_coverage",
    "reliability_curve",
    "training_curve",
)
THRESHOLD = 0.9


def table(*rows: tuple[str | None, str, float]) -> pd.DataFrame:
    """Make inferences from true class, predicted class and confidence, one a second."""
    return pd.DataFrame(
        {
            "time": pd.Timestamp("2026-05-04T12:00:00Z") + pd.to_timedelta(range(len(rows)), unit="s"),
            "s3_key": [f"images/test/{row}.png" if true else None for row, (true, _, _) in enumerate(rows)],
            "filename": [f"{row}.png" if true else None for row, (true, _, _) in enumerate(rows)],
            "true_class": [true for true, _, _ in rows],
            "predicted_class": [predicted for _, predicted, _ in rows],
            "confidence": [confidence for _, _, confidence in rows],
            "below_threshold": [confidence < THRESHOLD for _, _, confidence in rows],
        }
    )


# 8 captured, 1 of them without a label; 3 refused; 5 of 7 right; 4 accepted with a label, 3 of them right.
TYPICAL = table(
    ("cat", "cat", 0.99),
    ("cat", "cat", 0.9),
    ("dog", "dog", 0.95),
    ("dog", "cat", 0.97),
    ("dog", "cat", 0.6),
    ("dog", "dog", 0.7),
    ("cat", "cat", 0.8),
    (None, "dog", 0.98),
)


STACK = Stack("my-stack", "eu-west-1", "my-bucket", "arn:role", "my-endpoint", "arn:machine", THRESHOLD)
CATS = replace(DATASET, directory="nowhere", classes=("cat", "dog"), validation=8)
JOB = replace(RESULTS.model, training_job_name="my-job", validation_accuracy=0.875)
SERVED = replace(RESULTS.deployment, test_accuracy=0.925, test_images=200)


def subject(
    inferences: pd.DataFrame,
    expected: int = 7,
    below_threshold: int = 3,
    dataset: Dataset = CATS,
    stack: Stack = STACK,
) -> page.Subject:
    executions = Executions(expected, 4, below_threshold, 0, "2026-05-04T11:59:58+00:00")
    verdict = judge(of_inferences(inferences, dataset.classes, expected), Limits())
    return page.Subject(stack, RunResults(dataset, JOB, SERVED, executions), inferences, expected, verdict=verdict)


def render(about: page.Subject, names: tuple[str, ...] = FIGURES) -> str:
    return page.render(about, dict.fromkeys(names, SVG))


def text(html: str) -> str:
    """Return what a reader sees."""
    body = re.sub(r"<(script|dialog|noscript).*?</\1>", " ", re.split("<body[^>]*>", html)[1], flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


def data(html: str) -> dict[str, Any]:
    """Return what the page's script gets."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    got: dict[str, Any] = json.loads(found)
    return got


def test_the_outcomes_are_counted() -> None:
    found = summarise(TYPICAL, expected=10)
    assert (found.captured, found.accepted, found.refused, found.unlabelled) == (8, 5, 3, 1)
    assert (found.labelled, found.right, found.wrong, found.wrong_refused) == (7, 5, 2, 1)
    assert (found.accepted_labelled, found.accepted_right, found.missing) == (4, 3, 2)


def test_the_photos_of_a_cross_validation_are_more_than_those_of_the_validation_set() -> None:
    about = subject(TYPICAL)
    results = replace(about.results, model=replace(JOB, validation_images=98))
    html = text(render(replace(about, results=results)))
    assert "Validation accuracy 87.8% (79.8% to 92.9%): 86 of 98 images that the network had not seen" in html


def test_a_model_that_learned_is_shown_with_the_one_before_it() -> None:
    about = subject(TYPICAL)
    compared = Comparison("old-job", 0.9, 0.925, 200, 0.025, -0.01, 0.06, 0.2)
    results = replace(
        about.results,
        dataset=replace(about.results.dataset, reviewed=100),
        deployment=replace(SERVED, comparison=compared),
    )
    html = text(render(replace(about, results=results)))
    assert "my-job, trained with 100 reviewed photos" in html
    assert "old-job: 90.0% of 200 test images right, now 92.5% (+2.5 points, 95 % interval -1.0 to +6.0)" in html
    assert "Before it" not in text(render(about))


def test_three_figures_lead_and_have_intervals() -> None:
    html = render(subject(TYPICAL))
    assert html.count('<div class="tile">') == 3
    seen = text(html).replace("&nbsp;", " ")
    for tile in (
        "Right, refused included 71.4% 95 % interval 35.9% to 91.8% 5 of 7, of the inferences with a known class",
        "Refused at 0.9 37.5% 95 % interval 13.7% to 69.4% 3 of 8, of the captured inferences",
        "Right of the accepted 75.0% 95 % interval 30.1% to 95.4% 3 of 4, what the workflow lets through",
    ):
        assert tile in seen


def test_the_other_figures_explain_the_leading_ones() -> None:
    seen = text(render(subject(TYPICAL)))
    for figure in (
        "Inferences captured 8, all that were expected",
        "Mistakes held back 50.0% (9.5% to 90.5%): 1 of 2 mistakes were refused",
        "Workflow executions 7: 4 succeeded, 3 below threshold, 0 failed",
        "Executions that failed 0.0% (0.0% to 35.4%): 0 of 7 executions",
        "Validation accuracy 87.5% (52.9% to 97.8%): 7 of 8 images that the network had not seen",
        "Test accuracy 92.5% (88.0% to 95.4%): 185 of 200 test images, through the endpoint",
    ):
        assert figure in seen


def test_the_head_names_stack_endpoint_and_period() -> None:
    html = text(render(subject(TYPICAL)))
    assert "Stack my-stack (eu-west-1)" in html and "Endpoint my-endpoint" in html and "Model my-job" in html
    assert "Period (UTC) 2026-05-04 11:59:58 to 2026-05-04 12:00:07" in html
    assert "8 images classified: 5 were sure enough to pass the threshold of 0.9" in html


def test_the_page_needs_nothing_beside_it() -> None:
    html = render(subject(TYPICAL))
    assert html.count(SVG) == len(FIGURES)
    assert all(source.startswith("data:") for source in re.findall(r'(?:src|href)="([^"]*)"', html))
    assert not re.search(r"@import|url\(|https?://", html)


def test_only_the_page_s_own_script_may_run() -> None:
    html = render(subject(TYPICAL))
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:;" in html


def test_names_are_escaped() -> None:
    evil = "<script>alert('x')</script>&"
    named = table((evil, "cat", 0.5), ("cat", evil, 0.95)).assign(filename=evil)
    dataset, stack = replace(CATS, classes=("cat", evil)), replace(STACK, name=evil, endpoint_name=evil)
    html = render(subject(named, dataset=dataset, stack=stack))
    assert html.count("<script") == 2 and "alert('x')" not in html  # the page's own, and its data
    assert html.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;") >= 8
    assert data(html)["rows"][0][1] == evil


def test_refused_images_begin_with_the_least_sure_and_mistakes_with_the_most_sure() -> None:
    refused, mistakes = render(subject(TYPICAL)).split('data-rows="refused"')[1].split('data-rows="wrong"')
    assert re.findall(r"(\d\.\d{3})<br>", refused) == ["0.600", "0.700", "0.800"]
    assert re.findall(r"(\d\.\d{3})<br>", mistakes) == ["0.970", "0.600"]


def test_all_rows_of_long_tables_are_in_the_page_and_twenty_are_shown() -> None:
    html = render(subject(table(*[("cat", "dog", 0.5)] * 150)))
    tables = re.findall('<table class="photos.*?</table>', html, re.DOTALL)
    assert [table.count("<tr>") for table in tables] == [1 + MAX_ROWS] * 2
    assert text(html).count("150 in all,") == 2
    assert [len(rows) for rows in data(html)["tables"].values()] == [150, 150]
    assert len(data(html)["rows"]) == 150  # an image in both tables is one row


def test_rows_have_an_end_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MOST_LISTED", 30)
    html = render(subject(table(*[("cat", "dog", 0.5)] * 40)))
    assert (
        text(html).count("40 in all,")
        == text(html).count("The page holds the first 30; all are in inferences.csv")
        == 2
    )


def test_marks_know_their_photos_in_the_order_in_which_they_are_drawn() -> None:
    found = data(render(subject(TYPICAL)))
    seconds = {name: [found["rows"][row][0][-2:] for row in rows] for name, rows in found["marks"].items()}
    assert seconds == {
        "marks-accepted-right": ["00", "01", "02"],
        "marks-accepted-wrong": ["03"],
        "marks-refused-wrong": ["04"],
        "marks-refused-right": ["05", "06"],
        "marks-accepted-label-unknown": ["07"],
    }


def test_of_many_marks_only_refused_and_wrong_ones_show_their_photo() -> None:
    rows = [("cat", "cat", 0.99)] * 2000 + [("cat", "dog", 0.99), ("cat", "cat", 0.5)]
    few, many = (data(render(subject(table(*some))))["marks"] for some in (rows[2:], rows))
    assert set(few) == {"marks-accepted-right", "marks-accepted-wrong", "marks-refused-right"}
    assert set(many) == {"marks-accepted-wrong", "marks-refused-right"}


def test_an_image_on_this_machine_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "images" / "test" / "4.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(PNG + b"4")
    html = render(subject(TYPICAL, dataset=replace(CATS, directory=str(tmp_path))))
    assert html.count("data:image/png;base64,") == 2  # it is both refused and a mistake
    assert html.count('aria-label="Enlarge 4.png"') == 2
    assert data(html)["thumbnails"] == [None]  # the script takes it from the tables


def test_a_large_photo_is_shown_small(tmp_path: Path) -> None:
    file = tmp_path / "images" / "test" / "4.png"
    file.parent.mkdir(parents=True)
    Image.effect_noise((224, 200), 90).convert("RGB").save(file)
    about = subject(TYPICAL, dataset=replace(CATS, directory=str(tmp_path), image_shape=(3, 224, 224)))
    (photo,) = {
        base64.b64decode(found) for found in re.findall(r'<img src="data:image/jpeg;base64,([^"]+)"', render(about))
    }
    with Image.open(io.BytesIO(photo)) as image:
        assert image.size == (160, 143)
    assert len(photo) <= 20_000 < file.stat().st_size


def test_only_so_many_photos_are_in_the_page_as_have_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mistakes and refused images come before others, and the page says what is left out."""
    (tmp_path / "images" / "test").mkdir(parents=True)
    for row in range(len(TYPICAL)):
        (tmp_path / f"images/test/{row}.png").write_bytes(PNG + str(row).encode())
    monkeypatch.setattr(photos, "MOST_THUMBNAILS", 3)
    html = render(subject(TYPICAL, dataset=replace(CATS, directory=str(tmp_path))))
    found = data(html)
    assert {row[1] for row in found["rows"] if row[-1] is not None} == {"3.png", "4.png", "5.png"}
    assert "holds small pictures of 3 photos, of mistakes and refused ones first; 4 more" in text(html)


@pytest.mark.parametrize(("side", "sharp"), [(32, 3), (64, 0)])
def test_only_small_photos_are_shown_with_sharp_pixels(side: int, sharp: int) -> None:
    html = render(subject(TYPICAL, dataset=replace(CATS, image_shape=(3, side, side))))
    assert len(re.findall(r'class="[^"]*\bsharp"', html)) == sharp  # two tables and the dialog


def test_the_most_frequent_mistake_is_named() -> None:
    assert "the most frequent mistake is dog taken for cat, 2 times" in text(render(subject(TYPICAL)))
    assert "no image was taken for another class" in text(render(subject(table(("cat", "cat", 0.99)))))


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        (subject(TYPICAL, expected=10), "2 of 10 expected inferences had not reached the bucket"),
        (subject(TYPICAL), "1 of 8 inferences could not be joined to a staged image and are unlabelled"),
        (subject(TYPICAL, below_threshold=1), "3 captured inferences are below the threshold, but 1 executions"),
    ],
)
def test_what_is_odd_about_the_data_is_said(about: page.Subject, sentence: str) -> None:
    assert sentence in text(render(about))


def test_nothing_odd_is_said_of_complete_data() -> None:
    notes = text(render(subject(TYPICAL.iloc[:7]))).split("Notes on the data")[1]
    assert not any(word in notes for word in ("expected", "unlabelled", "below the threshold"))


def test_without_labels_a_sentence_stands_for_the_figures_that_need_them() -> None:
    html = text(render(subject(table((None, "cat", 0.99), (None, "dog", 0.5))), FIGURES[:2]))
    assert html.count("Not drawn: it needs the true class") == 4
    assert "Right of the accepted unknown no true class is known" in html
    assert "Not known: none of the captured inferences has a known class." in html
    assert "2 images classified: 1 was sure enough to pass the threshold of 0.9." in html


# The verdict, and what changed ---------------------------------------------------------------------------------


RIGHT = [("cat", "cat", 0.99)] * 50 + [("dog", "dog", 0.95)] * 50
WRONG = [("cat", "dog", 0.99)] * 50 + [("dog", "cat", 0.95)] * 50


def head(html: str) -> str:
    """Return the banner before the table of checks."""
    return html.split('<section class="verdict')[1].split("<table")[0]


@pytest.mark.parametrize(
    ("rows", "state", "word", "sentence"),
    [
        (RIGHT, "healthy", "Healthy", "What to do: Nothing."),
        (WRONG, "stop", "Stop", "What to do: Do not use its answers."),
        ([("cat", "cat", 0.5)] * 60 + [("dog", "dog", 0.5)] * 40, "check", "Check", "more than the 50.0% that are"),
    ],
)
def test_the_verdict_has_a_colour_a_shape_and_a_word(
    rows: list[tuple[str | None, str, float]], state: str, word: str, sentence: str
) -> None:
    html = render(subject(table(*rows), expected=100))
    banner = head(html)
    assert banner.startswith(f" state-{state}") and "<svg" in banner
    assert re.search(rf"</svg>\s*{word}</h2>", banner)
    assert sentence in text(f"<body>{banner}")
    assert html.index('class="verdict') < html.index('class="tiles"') < html.index("<figure")


def test_states_differ_in_shape_not_in_colour_alone() -> None:
    shapes = {
        state: re.findall(r' d="([^"]*)"', head(render(subject(table(*rows), expected=100))))
        for state, rows in (("healthy", RIGHT), ("stop", WRONG))
    }
    assert shapes["healthy"] and shapes["stop"] and shapes["healthy"] != shapes["stop"]


def test_each_check_is_shown_with_value_interval_and_limit() -> None:
    seen = text(render(subject(table(*WRONG), expected=100)))
    assert "accuracy Stop 0.0% 0.0% to 3.7% at least 50.0% 0 of 100 with a known class are right" in seen
    assert "refusals Healthy 0.0% 0.0% to 3.7% at most 50.0%" in seen
    assert "drift Unknown unknown \u2013 \u2013 The model has no profile" in seen
    assert "captures Healthy 100.0% \u2013 at least 100.0%" in seen


def test_each_class_has_precision_and_recall_with_intervals() -> None:
    seen = text(render(subject(TYPICAL)))
    assert "cat 100.0% 43.9% to 100.0%; 3 of 3 60.0% 23.1% to 88.2%; 3 of 5" in seen
    assert "dog 50.0% 15.0% to 85.0%; 2 of 4 100.0% 34.2% to 100.0%; 2 of 2" in seen


def test_what_changed_is_told_with_chance() -> None:
    about = subject(table(*WRONG), expected=100)
    before = {
        "since": "2026-05-03T00:00:00+00:00",
        "until": "2026-05-03T01:02:03+00:00",
        "model": "other-job",
        "verdict": {"state": "healthy"},
        "figures": {"accuracy": [96, 100], "refused": [3, 100], "held_back": [0, 0]},
    }
    now = {"figures": {"accuracy": [0, 100], "refused": [0, 100], "held_back": [0, 100]}}
    seen = text(page.render(about, {}, history.compare(now, before)))
    assert "The verdict was healthy and is stop now. That report ended 2026-05-03 01:02:03 UTC;" in seen
    assert "the model was another one, other-job." in seen
    assert "Right, refused included 96.0% 90.2% to 98.4% 0.0% 0.0% to 3.7% yes" in seen
    assert "Refused at 0.9 3.0% 1.0% to 8.5% 0.0% 0.0% to 3.7% no" in seen
    changes = seen.split("Since the previous report")[1].split("How sure the model was")[0]
    assert "Mistakes held back" not in changes  # there were none before
    assert "There is no earlier report to compare with." in text(render(about))


def test_a_change_on_real_traffic_is_told_with_its_intervals() -> None:
    reviews = [{"all": {"value": value, "low": value - 0.05, "high": value + 0.05}, "accepted": {"value": None}}
               for value in (0.9, 0.7)]  # fmt: off
    first, second = ({"since": "a", "until": "b", "model": "c", "verdict": {"state": "check"}, "figures": {},
                      "reviewed": one} for one in reviews)  # fmt: off
    seen = text(page.render(subject(TYPICAL), {}, history.compare(second, first)))
    assert "Right on real traffic, as reviewed 90.0% 85.0% to 95.0% 70.0% 65.0% to 75.0% yes" in seen
    assert "Right of the accepted, as reviewed" not in seen


def test_the_calibration_is_told_in_numbers() -> None:
    sure = table(*[("cat", "cat", 0.95)] * 60 + [("dog", "cat", 0.95)] * 40)
    seen = text(render(subject(sure)))
    assert "Mean confidence 95.0%, right 60.0% (50.2% to 69.1%). The expected calibration error is 35.0%;" in seen
    assert "that is more than the" in seen
    assert "chance explains it" in text(render(subject(table(*RIGHT))))
