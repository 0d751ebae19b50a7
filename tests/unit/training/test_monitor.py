"""Scope: the monitor step, from captured records in S3 to the files of the report."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import boto3
import numpy as np
import pandas as pd
import pytest
from matplotlib import font_manager
from PIL import Image

from tests.archives import archive_of
from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import DATASET, RESULTS, Clock, make_context, printed, tags_of
from tests.unit.training.review.scenes import ANSWER
from tests.unit.training.watch.captured import hand_over
from training import sent_photos
from training.algorithm.photo_statistics import STATISTICS
from training.captures import waiting
from training.checks.limits import Limits
from training.config import TRY_PREFIX, Stack, inference_id
from training.csv_files import read_csv, write_csv
from training.dataset.index import write_index
from training.errors import CaptureError
from training.monitor import expected_records, judge_run, monitor, watch_photos
from training.options import MonitorOptions
from training.report import fonts, history
from training.results import Dataset, Executions, Monitoring
from training.review.answers import Answer, opened

STACK = Stack("my-stack", "us-east-1", "captures", "arn:role", "vehicles", "arn:machine", 0.9)
HOSTILE = ("[/]\n=1+1", "\x1b[31m<script>", "W" * 300, "\u81ea\u8ee2\u8eca", "$x^")
COLUMNS = ["time", "s3_key", "filename", "true_class", "predicted_class", "confidence", "below_threshold"]
KEYS = [f"images/test/bicycle {number}.png" for number in range(4)]
PICTURES = {f"{name}.png" for name in ("confidence_over_time", "confidence_histograms")}
LABELLED_PICTURES = {
    f"{name}.png" for name in ("confusion_matrix", "accuracy_and_coverage", "reliability_curve", "risk_and_coverage")
}


@pytest.fixture
def s3(mocked_aws: None) -> Any:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=STACK.bucket)
    return client


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    rows = [
        {"split": "test", "filename": key.rpartition("/")[2], "label": 0, "class_name": "null", "row": 0, "s3_key": key}
        for key in KEYS
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "images.csv", index=False)
    return replace(DATASET, directory=str(tmp_path), classes=("null", "motorcycle"))


def put(s3: Any, second: int, name: str | None, *probabilities: float, photo: bytes = b"") -> None:
    """Capture an inference `second` seconds after noon."""
    data = {
        "endpointInput": {"data": base64.b64encode(photo).decode(), "encoding": "BASE64"},
        "endpointOutput": {"data": json.dumps(probabilities), "encoding": "JSON"},
    }
    metadata = {"eventId": f"e{second:02}", "inferenceId": name, "inferenceTime": f"2026-05-04T12:00:{second:02}Z"}
    line = json.dumps({"captureData": data, "eventMetadata": metadata})
    key = f"captured/vehicles/AllTraffic/2026/05/04/12/00-{second:02}-000-x.jsonl"
    s3.put_object(Bucket=STACK.bucket, Key=key, Body=line)


def photo(level: int) -> bytes:
    """Return a grey PNG; equal levels are equal photos."""
    buffer = io.BytesIO()
    pixels = np.full((32, 32, 3), level, np.uint8)
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def put_model(s3: Any, statistics: dict[str, list[float]], **changes: Any) -> None:
    """Put the archive of a model with a profile of 60 photos to where the results say."""
    profile = {"version": 1, "photos": 60, "held_out": 60, "correct": 57, "networks": "epoch 7"}
    answers = {"labels": [0, 1] * 30, "probabilities": [[0.9, 0.1], [0.2, 0.8]] * 30}
    content = json.dumps(profile | answers | {"statistics": statistics} | changes).encode()
    s3.create_bucket(Bucket="photos")
    s3.put_object(Bucket="photos", Key="models/s-job/model.tar.gz", Body=archive_of({"./profile.json": content}))


def run(
    s3: Any, dataset: Dataset, directory: Path, started: int = 4, failed: int = 0, timeout: float = 0
) -> tuple[Monitoring, str]:
    """Run the step; `directory` is the run's."""
    executions = Executions(started, started - failed, 0, failed, "2026-05-04T12:00:10.500000+00:00")
    sagemaker = SageMaker()
    sagemaker.serve("vehicles", tags_of("my-stack", "f"))
    context = make_context(directory, STACK, s3=s3, sagemaker=sagemaker)
    result = monitor(context, replace(RESULTS, dataset=dataset, executions=executions), MonitorOptions(timeout))
    return result, printed(context)


def test_the_report_its_figures_and_its_table_are_written(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    put(s3, 9, inference_id(KEYS[0]), 0.5, 0.5)  # before the executions
    for number, key in enumerate(KEYS):
        put(s3, 10 + number, inference_id(key), 0.9 - number / 10, 0.1 + number / 10)
    result, told = run(s3, dataset, tmp_path)
    assert result == Monitoring(report=str(tmp_path / "report" / "report.html"))
    assert {path.name for path in (tmp_path / "report").glob("*.png")} == PICTURES | LABELLED_PICTURES
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (tmp_path / "report").glob("*.png"))
    assert "4 of 4 with a known class are right" in Path(result.report).read_text()
    assert "not captured" not in told
    assert "Verdict: CHECK" in told and "not enough: 4 of 30" in " ".join(told.split())
    record = json.loads((tmp_path / "report" / "report.json").read_text())
    assert record["figures"]["accuracy"] == [4, 4] and record["previous"] is None
    assert record["verdict"]["state"] == "check" and record["model"] == RESULTS.model.training_job_name


def test_the_table_has_one_row_per_inference(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    put(s3, 11, inference_id(KEYS[1]), 0.25, 0.75, photo=photo(51))
    put(s3, 12, "unheard-of", 0.95, 0.05)
    run(s3, dataset, tmp_path)
    assert (tmp_path / "report" / "inferences.csv").read_text().splitlines() == [
        "time,s3_key,filename,true_class,predicted_class,confidence,below_threshold,p_null,p_motorcycle,"
        "brightness,contrast,sharpness,saturation",
        "2026-05-04 12:00:11+00:00,images/test/bicycle 1.png,bicycle 1.png,null,motorcycle,0.75,True,0.25,0.75,"
        "0.2,0.0,-18.4207,0.0",
        "2026-05-04 12:00:12+00:00,,,,null,0.95,False,0.95,0.05,,,,",
    ]


def test_failed_executions_are_not_waited_for(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    put(s3, 11, inference_id(KEYS[1]), 0.25, 0.75)
    _, told = run(s3, dataset, tmp_path, started=4, failed=3)
    assert "not captured" not in told
    _, told = run(s3, dataset, tmp_path, started=4, failed=1)
    assert "2 of 3 inferences were not captured" in told


def test_figures_of_an_earlier_report_do_not_stay_when_labels_are_gone(
    s3: Any, dataset: Dataset, tmp_path: Path
) -> None:
    directory = tmp_path / "report"
    directory.mkdir()
    for name in (*LABELLED_PICTURES, "mine.png"):
        (directory / name).write_bytes(b"")
    put(s3, 12, "unheard-of", 0.95, 0.05)
    run(s3, dataset, tmp_path)
    assert {path.name for path in directory.glob("*.png")} == {*PICTURES, "mine.png"}


def test_the_image_files_are_shown(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "images" / "test").mkdir(parents=True)
    (tmp_path / KEYS[1]).write_bytes(b"bytes of the image")
    put(s3, 11, inference_id(KEYS[1]), 0.25, 0.75)
    result, _ = run(s3, dataset, tmp_path)
    assert "Ynl0ZXMgb2YgdGhlIGltYWdl" in Path(result.report).read_text()


GREY = {name: [value] * 60 for name, value in (("brightness", 0.2), ("contrast", 0), ("saturation", 0))}


@pytest.mark.parametrize(("level", "told"), [(51, False), (204, True)])
def test_photos_that_differ_from_the_profile_s_are_told(
    s3: Any, dataset: Dataset, tmp_path: Path, level: int, told: bool
) -> None:
    put_model(s3, GREY | {"sharpness": [-18.4207] * 60})
    for second in range(40):
        put(
            s3,
            11 + second,
            inference_id(KEYS[second % 4]),
            0.9 - 0.7 * (second % 2),
            0.1 + 0.7 * (second % 2),
            photo=photo(level),
        )
    result, shown = run(s3, dataset, tmp_path, started=40)
    page = Path(result.report).read_text()
    assert ("Drift of the captured photos: brightness: alarm, distance 1.00" in shown) is told
    assert ("does not hold, because the photos differ from the held-out ones in brightness" in page) is told
    assert ("<b>100.0 %</b>" in page) is not told  # all held-out answers are right, these are the same
    assert (tmp_path / "report" / "drift.png").exists()
    assert "no profile" not in page


def test_a_model_without_a_profile_is_compared_by_the_staged_photos(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    index = pd.read_csv(tmp_path / "images.csv", keep_default_na=False)
    rows = [dict(index.iloc[0], split="train", s3_key=f"images/train/{n}.png", filename=f"{n}.png") for n in range(40)]
    pd.concat([index, pd.DataFrame(rows)]).to_csv(tmp_path / "images.csv", index=False)
    (tmp_path / "images" / "train").mkdir(parents=True)
    for number in range(40):
        (tmp_path / f"images/train/{number}.png").write_bytes(photo(51))
        put(s3, 11 + number, inference_id(KEYS[number % 4]), 0.9, 0.1, photo=photo(204))
    result, shown = run(s3, dataset, tmp_path, started=40)
    assert "The model s-job has no profile of held-out photos: photos are compared with the staged ones" in shown
    assert "Drift of the captured photos: brightness: alarm" in shown
    page = Path(result.report).read_text()
    assert "only the photos&#39; pixels are compared" in page or "only the photos' pixels are compared" in page
    assert "Accuracy estimated from confidence" not in page


def test_seven_photos_are_not_enough_and_no_profile_is_said(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    put(s3, 11, inference_id(KEYS[0]), 0.9, 0.1, photo=photo(51))
    result, shown = run(s3, dataset, tmp_path, started=1)
    assert "and the staged photos are not on this machine, so that nothing is compared" in shown
    assert "Not known: the model has no profile of held-out photos" in Path(result.report).read_text()
    put_model(s3, GREY | {"sharpness": [-18.4207] * 60})
    for second in range(6):
        put(s3, 12 + second, inference_id(KEYS[0]), 0.9, 0.1, photo=photo(204))
    result, shown = run(s3, dataset, tmp_path, started=7)
    assert "brightness: not enough, 7 photos against the profile" in Path(result.report).read_text()
    assert "Drift of" not in shown and not (tmp_path / "report" / "drift.png").exists()


def test_a_profile_of_other_classes_is_said_and_the_report_is_written(
    s3: Any, dataset: Dataset, tmp_path: Path
) -> None:
    put_model(s3, GREY | {"sharpness": [-18.4207] * 60}, probabilities=[[0.5, 0.3, 0.2]] * 60)
    put(s3, 11, inference_id(KEYS[0]), 0.9, 0.1)
    result, shown = run(s3, dataset, tmp_path, started=1)
    assert "The model's profile has 3 classes, but the dataset 2" in shown
    assert Path(result.report).exists()


def test_nothing_captured_is_an_error(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(
        CaptureError, match=r"Nothing was captured in s3://captures/captured/vehicles/ since 2026-05-04"
    ):
        run(s3, dataset, tmp_path)


@pytest.mark.parametrize(
    ("started", "failed", "percentage", "least"),
    [(200, 0, 100, 200), (201, 1, 100, 200), (200, 0, 50, 78), (3, 0, 10, 1), (1, 1, 100, 1)],
)
def test_of_a_sample_only_what_is_likely_is_waited_for(started: int, failed: int, percentage: int, least: int) -> None:
    assert expected_records(Executions(started, 0, 0, failed, ""), percentage) == least


def test_records_without_a_label_are_counted_with_the_reason(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    put(s3, 11, inference_id(KEYS[0]), 0.75, 0.25)
    put(s3, 12, None, 0.95, 0.05)
    put(s3, 13, None, 0.95, 0.05)
    put(s3, 14, "of-a-stranger", 0.95, 0.05)
    result, told = run(s3, dataset, tmp_path)
    reasons = "2 without an inference id, 1 with an id of no staged photo, so made by another caller"
    assert f"Captured, but unlabelled: {reasons}" in told
    assert "not captured" not in told
    page = Path(result.report).read_text()
    assert "3 of 4 inferences could not be joined" in page and reasons in page
    assert "3 of them unlabelled" in page and "had not reached the bucket" not in page


def test_photos_of_traffic_have_their_true_class_and_are_not_waited_for(
    s3: Any, dataset: Dataset, tmp_path: Path
) -> None:
    """Three of four inferences of the executions are missing, whatever else was sent meanwhile."""
    sent = "images/traffic/20260504-120000-abcd/000001.png"
    directory = sent_photos.directory_of(tmp_path, "20260504-120000-abcd")
    directory.mkdir(parents=True)
    sent_photos.write({sent: ("bicycle 9.png", "motorcycle"), "other": ("b.png", "no class of ours")}, directory)
    put(s3, 11, inference_id(KEYS[0]), 0.9, 0.1)
    for second in range(12, 18):
        put(s3, second, inference_id(sent), 0.8, 0.2)
    _, told = run(s3, dataset, tmp_path)
    table = pd.read_csv(tmp_path / "report" / "inferences.csv", keep_default_na=False)
    assert table["true_class"].tolist() == ["null"] + ["motorcycle"] * 6
    assert set(table["s3_key"]) == {KEYS[0], sent}
    assert "unlabelled" not in told


def test_an_endpoint_without_capture_is_said_at_once(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    deployment = replace(RESULTS.deployment, capture_percentage=0)
    context = make_context(tmp_path, STACK)  # no client: nothing is even asked for
    with pytest.raises(CaptureError, match="deployed with --capture-percentage 0, so that nothing is captured"):
        monitor(context, replace(RESULTS, dataset=dataset, deployment=deployment), MonitorOptions(600))


def test_names_of_any_kind_make_a_report_without_a_warning(
    s3: Any, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [])
    fonts._choice.cache_clear()
    index = pd.DataFrame({"split": "test", "filename": HOSTILE, "label": range(5), "class_name": HOSTILE, "row": 0})
    write_index(index.assign(s3_key=[f"images/test/{number}.png" for number in range(5)]), tmp_path)
    for number in range(5):
        put(s3, 11 + number, f"images/test/{number}.png", *np.roll((0.6, 0.1, 0.1, 0.1, 0.1), (number * 2) % 5))
    result, shown = run(s3, replace(dataset, classes=HOSTILE), tmp_path, started=5)
    assert "The figures show boxes for the letters \u81ea\u8eca\u8ee2, which no installed font has" in shown
    page = Path(result.report).read_text()
    assert r"\x1b[31m&lt;script&gt;" in page and page.count("<script") == 2 and "\x1b" not in page
    assert "W" * 300 in page
    columns = [*COLUMNS, *(f"p_{name}" for name in HOSTILE), *STATISTICS]
    written = read_csv(tmp_path / "report" / "inferences.csv", dict.fromkeys(columns, str))
    assert set(written["true_class"]) == set(HOSTILE)


def test_the_run_is_judged_by_the_limits_of_the_options(tmp_path: Path) -> None:
    (tmp_path / "executions.csv").write_text("seconds\r\n" + "2.5\r\n" * 40)
    table = pd.DataFrame(
        {
            "s3_key": [f"images/test/{number}.png" for number in range(40)],
            "true_class": ["bicycle", "motorcycle"] * 20,
            "predicted_class": ["bicycle", "motorcycle"] * 19 + ["motorcycle", "bicycle"],
            "below_threshold": [True] * 16 + [False] * 24,
        }
    )
    results = replace(RESULTS, executions=Executions(40, 24, 16, 0, "2026-05-04T12:00:10+00:00"))
    context = make_context(tmp_path, STACK)

    def states(limits: Limits) -> dict[str, str]:
        return {one.name: one.state for one in judge_run(context, results, table, MonitorOptions(0, limits)).checks}

    others = {"captures": "healthy", "drift": "unknown", "failures": "healthy"}
    assert states(Limits()) == {"accuracy": "healthy", "refusals": "healthy", "latency": "healthy", **others}
    strict = Limits(min_accuracy=0.99, max_refused_share=0.1, max_latency=2)
    assert states(strict) == {"accuracy": "stop", "refusals": "check", "latency": "check", **others}


def answered(number: int, **changes: Any) -> Answer:
    """Return the answer to the captured inference of a second, which was taken for a null."""
    return replace(ANSWER, event_id=f"e{number:02}", predicted_class="null", **changes)


def test_reviewed_answers_decide_where_no_label_is_known(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    """Of 40 accepted every one is reviewed, of 8 refused (all wrong) every one: 40 of 48 are right."""
    with opened(tmp_path) as journal:
        for number in range(11, 59):
            right = number < 51
            put(s3, number, f"incoming/{number}.png", 0.95 if right else 0.6, 0.05 if right else 0.4)
            journal.add(answered(number, answer="null" if right else "motorcycle", threshold=0.9))
        journal.add(answered(59, answer="null"))  # of a photo that was tried: no traffic
    put(s3, 59, f"{TRY_PREFIX}/photo.png", 0.95, 0.05)
    result, shown = run(s3, dataset, tmp_path, started=48)
    assert "On 48 reviewed photos of real traffic, the model is right for 83.3% (" in " ".join(shown.split())
    record = json.loads((tmp_path / "report" / "report.json").read_text())
    accuracy = record["verdict"]["checks"][0]
    assert accuracy["value"] == pytest.approx(40 / 48)
    assert record["reviewed"]["all"]["value"] == pytest.approx(40 / 48)
    assert record["reviewed"]["accepted"]["value"] == 1.0 and record["reviewed"]["accepted"]["traffic"] == 40
    page = " ".join(Path(result.report).read_text().split())
    low, high = accuracy["interval"]
    assert f"83.3% (95&nbsp;% interval {low:.1%} to {high:.1%}), corrected for how the 48 reviewed of 48" in page
    assert "corrected for how the 40 reviewed of 40 photos" in page


def test_damaged_answers_are_told_and_the_report_is_written(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "review").mkdir()
    (tmp_path / "review" / "answers.jsonl").write_text("{}\n")
    put(s3, 11, inference_id(KEYS[0]), 0.9, 0.1)
    result, shown = run(s3, dataset, tmp_path, started=1)
    assert "The reviewed photos are left out: Line 1 of" in shown
    assert "reviewed of" not in Path(result.report).read_text()


def test_a_run_whose_executions_all_failed_is_stopped_with_a_report(s3: Any, dataset: Dataset, tmp_path: Path) -> None:
    errors = pd.DataFrame({"outcome": "failed", "error": ["ImageNotFoundError"] * 2 + ["Lambda.Unknown"], "seconds": 1})
    write_csv(errors, tmp_path / "executions.csv")
    result, shown = run(s3, dataset, tmp_path, started=3, failed=3)
    sentence = "Nothing was captured: 3 of 3 executions failed, mostly with ImageNotFoundError."
    assert "Verdict: STOP" in shown and sentence in " ".join(shown.split())
    page = Path(result.report).read_text()
    assert sentence in page and "Not drawn: nothing was captured." in page
    assert not list((tmp_path / "report").glob("*.png"))
    record = history.read(tmp_path / "report")
    assert record is not None and record["verdict"]["state"] == "stop"


def test_captures_of_failed_executions_are_not_waited_for_as_long(
    s3: Any, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    run(s3, dataset, tmp_path, started=3, failed=3, timeout=600)
    assert clock.now == waiting.QUIET_SECONDS


def test_sorted_photos_are_watched_in_the_order_of_their_events(tmp_path: Path) -> None:
    settings = hand_over(tmp_path)
    first = np.arange(100) < 50
    times = pd.Timestamp("2026-05-04T12:00:00Z") + pd.to_timedelta(range(100), unit="s")
    captured = pd.DataFrame({"time": times, "event_id": [str(uuid5(NAMESPACE_OID, str(n))) for n in range(100)]})
    answers = {"confidence": np.where(first, 0.98, 0.95), "p_bicycle": np.where(first, 0.98, 0.05)}
    table = pd.DataFrame(dict.fromkeys(STATISTICS, np.nan) | answers)
    found = watch_photos(make_context(tmp_path), settings.results, captured, table)
    assert found is not None and found.alarm_at is None and len(found.capital) == 100
    apart = captured.assign(time=times + pd.to_timedelta(np.where(first, 0, 1), unit="h"))  # one class an hour
    drifted = watch_photos(make_context(tmp_path), settings.results, apart, table)
    assert drifted is not None and drifted.alarm_at is not None
