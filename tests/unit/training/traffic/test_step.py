"""The step `traffic` from its options to its results."""

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.unit.training.fakes import client_error, printed
from tests.unit.training.traffic.conftest import CLASSES, Bucket, Machine, png, throttled
from training import sent_photos, steps
from training.arguments import parse
from training.config import inference_id
from training.context import Context
from training.errors import PlanError
from training.traffic import executions, sending


def run(context: Context, *words: str) -> Any:
    words = ("--rate", "100", "--duration", "0.4", *words)
    found = steps.run_steps(context, parse(["traffic", "--yes", *words]))
    return found.get("traffic", found)


def table(found: dict[str, Any]) -> pd.DataFrame:
    return pd.read_csv(Path(found["results"]) / "traffic.csv", keep_default_na=False)


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name] for name in ("sent", "accepted", "refused", "failed", "unanswered", "unexpected")}


ALL_ACCEPTED = {"sent": 40, "accepted": 40, "refused": 0, "failed": 0, "unanswered": 0, "unexpected": 0}


def test_executions_of_the_test_photos_are_started_and_counted(context: Context, machine: Machine) -> None:
    found = run(context)
    assert counts(found) == ALL_ACCEPTED
    assert found["latency"]["p50"] == pytest.approx(0.25, abs=0.1) and set(found["lag"]) == {"p50", "p95", "p99", "max"}
    assert (found["rate"], found["interrupted"], found["errors"]) == (100.0, False, {})
    assert found["reached_rate"] > 20 and found["estimated_usd"] > 0
    lines = table(found)
    assert len(lines) == 40 and set(lines["class"]) == {"bicycle"} and set(lines["confidence"]) == {0.97}
    assert set(lines["true_class"]) == set(CLASSES) and lines["sent_at"].is_monotonic_increasing
    assert json.loads((Path(found["results"]) / "summary.json").read_text()) == found
    assert "20 of 40" in printed(context)  # right


def test_executions_have_names_and_photos_of_their_own(context: Context, machine: Machine, bucket: Bucket) -> None:
    found = run(context)
    assert set(machine.started) == {f"traffic-{found['name']}-{number:06d}" for number in range(1, 41)}
    keys = {json.loads(one["input"])["s3_key"] for one in machine.started.values()}
    assert keys == {f"images/traffic/{found['name']}/{number:06d}.png" for number in range(1, 9)}
    assert sorted(bucket.puts) == sorted(keys)  # each once
    assert len({inference_id(key) for key in keys} & {f"images/test/{number}.png" for number in range(8)}) == 0


def test_uploads_are_put_once_each_and_their_verdicts_found(context: Context, bucket: Bucket) -> None:
    found = run(context, "--through", "uploads")
    assert counts(found) == ALL_ACCEPTED
    keys = {f"incoming/traffic/{found['name']}/{number:06d}.png" for number in range(1, 41)}
    assert set(bucket.puts) == keys and len(bucket.puts) == 40
    lines = table(found)
    assert set(lines["class"]) == {"bicycle"} and set(lines["s3_key"]) == keys
    assert found["latency"]["max"] < 2


@pytest.mark.parametrize("way", ["executions", "uploads"])
def test_corrupt_photos_fail_by_name_and_dark_ones_are_refused(context: Context, way: str) -> None:
    found = run(context, "--through", way, "--corrupt", "0.4", "--shift", "dark:0.9@0.2s", "--seed", "3")
    lines = table(found)
    corrupt = lines[lines["change"].str.startswith("corrupt")]
    assert len(corrupt) > 8 and (corrupt["error"] == corrupt["expected_error"]).all()
    assert found["unexpected"] == 0 and found["failed"] == len(corrupt)
    assert found["errors"] == corrupt["error"].value_counts().to_dict()
    dark = lines[lines["change"] == "dark:0.9"]
    assert len(dark) > 5 and set(dark["outcome"]) == {"refused"} and set(map(float, dark["confidence"])) == {0.6}
    assert set(lines[lines["change"] == "unchanged"]["outcome"]) == {"accepted"}
    assert "corrupt, empty" in printed(context) and "dark:0.9" in printed(context)


def test_what_aws_does_not_take_fails_by_name(context: Context, machine: Machine, bucket: Bucket) -> None:
    machine.refuse = {3: throttled(), 5: client_error("AccessDeniedException", "not you")}
    found = run(context)
    assert found["errors"] == {"ThrottlingException": 1, "AccessDeniedException": 1}
    assert (found["accepted"], found["unexpected"]) == (38, 2)
    assert "2 photos had an outcome that they should not have" in printed(context)
    bucket.refuse = {len(bucket.puts): client_error("SlowDown", "Reduce your rate")}
    found = run(context, "--through", "uploads")
    assert (found["errors"], found["accepted"]) == ({"SlowDown": 1}, 39)


@pytest.mark.parametrize("way", ["executions", "uploads"])
def test_photos_without_an_outcome_are_told(context: Context, machine: Machine, bucket: Bucket, way: str) -> None:
    machine.runs_for_ever, bucket.classify = True, False
    found = run(context, "--through", way, "--wait", "0.1")
    assert counts(found) == {**ALL_ACCEPTED, "accepted": 0, "unanswered": 40}
    assert found["latency"] == {} and set(table(found)["latency"]) == {""}


def test_an_interruption_ends_with_the_results(
    context: Context, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looks = executions.Executions.look, []

    def interrupted(self: executions.Executions) -> Any:
        looks.append(1)
        if len(looks) == 5:
            raise KeyboardInterrupt
        return real(self)

    monkeypatch.setattr(executions.Executions, "look", interrupted)
    found = run(context, "--rate", "20", "--duration", "1m")
    assert found["interrupted"] and 0 < found["sent"] < found["photos"] == 1200
    assert len(table(found)) == found["sent"] == len(machine.started)
    assert "Interrupted" in printed(context)


def test_late_photos_are_told(context: Context, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SENDERS", 1)
    real = machine.start_execution

    def slow(**request: Any) -> Any:
        time.sleep(0.02)
        return real(**request)

    monkeypatch.setattr(machine, "start_execution", slow)
    found = run(context)
    assert found["late"] > 10 and found["lag"]["max"] > 0.2
    assert "this machine did not keep the schedule" in printed(context)


def test_the_cost_is_shown_and_asked_for_before_anything_is_sent(context: Context, bucket: Bucket) -> None:
    with pytest.raises(PlanError, match="nobody can be asked"):
        steps.run_steps(context, parse(["traffic", "--rate", "20", "--duration", "1m"]))
    assert "1,200 x 4 transitions" in printed(context) and "8 different ones" in printed(context)
    assert not bucket.puts and not (context.directory / "traffic").exists()


@pytest.mark.parametrize("way", ["executions", "uploads"])
def test_a_dry_run_sends_nothing_and_tells_its_plan(context: Context, bucket: Bucket, way: str) -> None:
    found = run(context, "--dry-run", "--through", way)
    assert found["plan"]["cost"]["usd"] > 0 and {one["outcome"] for one in found["plan"]["checks"]} == {"passed"}
    assert not bucket.puts and not (context.directory / "traffic").exists()


def test_uploads_to_a_stack_that_does_not_classify_them_are_refused(context: Context, bucket: Bucket) -> None:
    object.__setattr__(context.stack, "upload_machine_arn", "")
    with pytest.raises(PlanError, match="photos that are uploaded"):
        run(context, "--through", "uploads")
    assert "ClassifyUploads=true" in printed(context) and not bucket.puts


def test_traffic_without_an_endpoint_is_refused(context: Context, sagemaker: Any) -> None:
    del sagemaker.endpoints["s"]
    with pytest.raises(PlanError, match="endpoint in service"):
        run(context)


def test_the_truth_of_what_was_sent_is_kept_for_the_report(context: Context) -> None:
    found = run(context, "--corrupt", "0.3", "--shift", "blur@0.2s")
    lines, index = table(found), sent_photos.read(context.directory, ("motorcycle", "bicycle"))
    assert set(index["s3_key"]) == set(lines[lines["true_class"] != ""]["s3_key"])
    truth = dict(zip(lines["s3_key"], lines["true_class"], strict=True))
    assert all(truth[key] == name for key, name in zip(index["s3_key"], index["class_name"], strict=True))
    assert [("motorcycle", "bicycle")[label] for label in index["label"]] == index["class_name"].tolist()
    assert sent_photos.read(context.directory, ("apple", "pear")).empty


def test_own_photos_without_classes_are_sent_as_they_are(context: Context, tmp_path: Path, bucket: Bucket) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "=a.png").write_bytes(png(90))
    found = run(context, "--photos", str(tmp_path / "own"), "--through", "uploads")
    assert found["accepted"] == 40 and set(table(found)["photo"]) == {"'=a.png"}
    assert all(bucket.objects[key] == png(90) for key in bucket.puts)
    assert sent_photos.read(context.directory, CLASSES).empty
