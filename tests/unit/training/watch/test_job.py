"""Scheduled runs: only new captures, one run at a time, and a message when somebody must know."""

import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import boto3
import pytest

from tests.unit.training.fakes import make_context
from tests.unit.training.watch.captured import STACK, START, Told, capture, hand_over, record
from training.context import Context
from training.report import files
from training.report.page import Subject
from training.watch import job, state
from training.watch.settings import Settings

NOW = START + timedelta(hours=1)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def s3(mocked_aws: None) -> Any:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="photos")
    return client


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return hand_over(tmp_path)


@pytest.fixture
def context(s3: Any, told: Told, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A context whose reports are the number of inferences: drawing takes seconds."""
    monkeypatch.setattr(files, "write", write_number)
    return make_context(tmp_path / "there", settings.stack, s3=s3, sns=told, cloudwatch=told)


def write_number(subject: Subject, directory: Path) -> Path:
    path = directory / "report.html"
    path.write_text(str(len(subject.inferences)))
    return path


def run(context: Context, settings: Settings, now: datetime = NOW) -> str:
    return job.run(context, settings, now)


def stored(context: Context) -> state.State:
    return state.load(context.clients.s3, "photos").state


def reports(context: Context) -> dict[str, str]:
    """Return the number of inferences of each report by its folder."""
    listed = context.clients.s3.list_objects_v2(Bucket="photos", Prefix="reports/").get("Contents", [])
    keys = [one["Key"] for one in listed if one["Key"].endswith(".html")]
    return {
        key.split("/")[1]: context.clients.s3.get_object(Bucket="photos", Key=key)["Body"].read().decode()
        for key in keys
    }


def test_a_run_judges_publishes_and_reports(context: Context, settings: Settings, told: Told) -> None:
    capture(context, 0, 40)
    sentence = run(context, settings)
    assert sentence.startswith(
        "Verdict of 40 new inferences: healthy. Report: s3://photos/reports/2026-05-04T13-00-00Z/"
    )
    assert reports(context) == {"2026-05-04T13-00-00Z": "40", "latest": "40"}
    (metrics,) = told.metrics
    assert (metrics["Verdict"], metrics["Accuracy"], metrics["RefusedShare"], metrics["Inferences"]) == (0, 1, 0, 40)
    assert "DriftLogCapital" in metrics
    assert told.messages == []
    assert (stored(context).verdict, stored(context).captured, stored(context).lease) == ("healthy", 40, "")


def test_a_second_run_takes_new_captures_only(context: Context, settings: Settings) -> None:
    capture(context, 0, 40)
    run(context, settings)
    capture(context, 40, 35)  # in the same hour
    capture(context, 80, 5, hour=3)
    later = NOW + timedelta(hours=3)
    assert run(context, settings, later).startswith("Verdict of 40 new inferences")
    found = stored(context)
    assert found.captured == 80 and found.martingales is not None and found.martingales["photos"] == 80
    assert [key.rpartition("-")[2] for key in found.seen] == ["080.jsonl"]  # the first hour is not listed any more


def test_running_twice_changes_nothing(context: Context, settings: Settings, told: Told) -> None:
    capture(context, 0, 40, wrong=True)
    run(context, settings)
    assert len(told.messages) == 1
    before = state.load(context.clients.s3, "photos")
    assert run(context, settings) == "Nothing was captured since the last run; the verdict was stop."
    assert state.load(context.clients.s3, "photos") == before
    assert len(told.messages) == 1 and told.metrics[1] == {"Inferences": 0, "Verdict": 2}


def test_without_captures_there_is_no_verdict(context: Context, settings: Settings, told: Told) -> None:
    assert run(context, settings) == "Nothing was captured since the last run; the verdict was none."
    assert (told.messages, told.metrics, reports(context)) == ([], [{"Inferences": 0}], {})
    assert state.load(context.clients.s3, "photos").etag is None


def test_what_was_captured_before_the_last_test_is_another_model_s(context: Context, settings: Settings) -> None:
    capture(context, 0, 40, hour=-2)
    assert run(context, settings).startswith("Nothing was captured")


def test_a_change_is_told_once_and_a_stop_each_time(context: Context, settings: Settings, told: Told) -> None:
    for number, wrong in enumerate((False, True, True, False)):
        capture(context, 40 * (number % 2), 40, hour=2 * number, wrong=wrong)
        run(context, settings, NOW + timedelta(hours=2 * number))
    subjects = [message["Subject"] for message in told.messages]
    assert subjects == [
        "s: the verdict is stop (before: healthy)",
        "s: the verdict is stop",
        "s: the verdict is healthy (before: stop)",
    ]
    assert "no better than chance" in told.messages[0]["Message"]
    assert "s3://photos/reports/2026-05-04T15-00-00Z/report.html" in told.messages[0]["Message"]


def test_a_quiet_day_changes_no_verdict(context: Context, settings: Settings, told: Told) -> None:
    (context.directory / "profiles" / "s-job.json").unlink()  # a martingale goes on from the days before
    capture(context, 0, 40)
    run(context, settings)
    capture(context, 40, 3, hour=2)
    assert "3 new inferences: check" in run(context, settings, NOW + timedelta(hours=2))
    assert (stored(context).verdict, told.messages) == ("healthy", [])
    assert told.metrics[1]["Verdict"] == 0


def test_of_two_runs_at_a_time_one_gives_up(context: Context, settings: Settings, told: Told) -> None:
    capture(context, 0, 40, wrong=True)
    s3, other = context.clients.s3, []
    taking = state.take

    def take_later(*arguments: Any) -> Any:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(state, "take", taking)
            other.append(run(context, settings))  # begins and ends between reading and taking
        return taking(*arguments)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(state, "take", take_later)
        assert run(context, settings) == job.ANOTHER
    assert other[0].startswith("Verdict of 40") and len(told.messages) == 1
    assert state.load(s3, "photos").state.captured == 40


def test_a_run_at_work_is_left_alone_until_its_time_is_up(context: Context, settings: Settings) -> None:
    capture(context, 0, 40)
    state.take(state.load(context.clients.s3, "photos"), context.clients.s3, "photos", NOW)
    assert run(context, settings, NOW + timedelta(minutes=29)) == job.ANOTHER
    assert reports(context) == {}
    assert run(context, settings, NOW + timedelta(minutes=31)).startswith("Verdict of 40")


def test_another_model_s_profile_begins_anew(context: Context, settings: Settings) -> None:
    capture(context, 0, 40)
    run(context, settings)
    path = context.directory / "profiles" / "s-job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "correct": 57}))
    capture(context, 40, 35, hour=2)
    run(context, settings, NOW + timedelta(hours=2))
    found = stored(context)
    assert found.martingales is not None and found.martingales["photos"] == 35


def test_photos_that_come_sorted_by_class_are_no_drift(context: Context, settings: Settings) -> None:
    for number in (*range(0, 100, 2), *range(1, 100, 2)):
        key = f"captured/s/AllTraffic/{START:%Y/%m/%d/%H}/00-{number:02}-x.jsonl"
        place = START + timedelta(seconds=number // 2 + 50 * (number % 2))
        line = record(place, number, wrong=False).replace('"eventId": "', f'"eventId": "{uuid5(NAMESPACE_OID, key)}')
        context.clients.s3.put_object(Bucket="photos", Key=key, Body=line.encode())
    run(context, settings)
    found = stored(context).martingales
    assert found is not None and found["photos"] == 100 and found["alarm_at"] is None


def test_a_model_without_a_profile_ends_the_martingales_of_the_one_before(context: Context, settings: Settings) -> None:
    capture(context, 0, 40)
    run(context, settings)
    assert stored(context).martingales is not None
    (context.directory / "profiles" / "s-job.json").unlink()
    capture(context, 40, 35, hour=2)
    run(context, settings, NOW + timedelta(hours=2))
    assert (stored(context).martingales, stored(context).profile) == (None, "")


def test_without_alerts_only_the_report_tells(
    context: Context, settings: Settings, told: Told, s3: Any, tmp_path: Path
) -> None:
    stack = replace(STACK, alert_topic_arn="")
    quiet = make_context(tmp_path / "there", stack, s3=s3, sns=told, cloudwatch=told)
    capture(context, 0, 40, wrong=True)
    assert ": stop." in run(quiet, replace(settings, stack=stack))
    assert (told.messages, told.metrics) == ([], [])
    assert reports(context)["latest"] == "40"


def test_the_report_needs_no_photos_and_names_the_last_one(
    s3: Any, told: Told, settings: Settings, tmp_path: Path
) -> None:
    context = make_context(tmp_path / "there", settings.stack, s3=s3, sns=told, cloudwatch=told)
    for hour in (0, 2):
        capture(context, 0, 40, hour=hour)
        run(context, settings, NOW + timedelta(hours=hour))
    page = s3.get_object(Bucket="photos", Key="reports/latest/report.html")["Body"].read().decode()
    assert "The verdict was healthy, as it is now" in page
    assert "Workflow executions" not in page and "all that were expected" not in page


def test_a_damaged_capture_is_an_error_in_the_message(
    context: Context, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "connect", lambda *_: context)
    key = f"captured/s/AllTraffic/{START:%Y/%m/%d/%H}/00-00-x.jsonl"
    context.clients.s3.put_object(Bucket="photos", Key=key, Body=b"{}")
    message = tmp_path / "output" / "message"
    assert job.main([str(tmp_path / "there"), str(message)]) == 1
    assert message.read_text().startswith(f"error: Line 1 of s3://photos/{key} is not a capture record")


@pytest.mark.parametrize("changes", [None, {"since": "yesterday"}, {"lease": 5}, {"seen": 5}], ids=str)
def test_a_damaged_state_is_treated_as_absent(
    context: Context, settings: Settings, changes: dict[str, object] | None
) -> None:
    body = b"{" if changes is None else json.dumps({**asdict(state.State(verdict="stop")), **changes}).encode()
    context.clients.s3.put_object(Bucket="photos", Key=state.KEY, Body=body)
    capture(context, 0, 40)
    assert run(context, settings).startswith("Verdict of 40")
