"""The whole system as its user runs it: build, deploy, every step of run.py, clean-up, and what can go wrong.

The user has the rights of permissions.yaml only.
"""

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
import requests
from PIL import Image

from tests.archives import archive_of
from tests.integration.support.endpoints import with_constant_answers
from tests.integration.support.people import person
from tests.integration.support.stacks import deploy_application
from tests.integration.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
STACK = "workflow-test"
SPEED = ["--epochs", "12", "--executions", "12"]
USER: dict[str, str] = {}  # the environment of the user's commands, from `workplace` on


@pytest.fixture(scope="module")
def workplace(aws: dict[str, str], build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory where runs/ is made, with the stack deployed by the SAM CLI."""
    USER.update(person(STACK, aws), SCONES_YES="1")  # on an account somebody would be asked
    deploy_application(STACK, build, USER, EndpointName=STACK)
    return tmp_path_factory.mktemp("workplace")


def run(
    workplace: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "training/run.py"), "--stack-name", STACK, *arguments]
    return subprocess.run(command, cwd=workplace, capture_output=True, text=True, env=environment or USER)


@pytest.fixture(scope="module")
def figures(workplace: Path) -> Iterator[dict[str, Any]]:
    """What one run of all steps on the sample says."""
    done = run(workplace, "--archive", "sample", "--json", *SPEED)
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout)
    assert run(workplace, "cleanup").returncode == 0


@pytest.mark.aws(
    "IAM",
    "`sam` and `training/run.py` with the rights of permissions.yaml, of which each is needed",
    "approximate",
    "not shown: the transform of a template, Service Quotas and KMS",
)
def test_a_whole_run_tells_its_figures(figures: dict[str, Any], workplace: Path) -> None:
    assert figures["dataset"] == {"classes": ["bicycle", "motorcycle"], "train": 720, "validation": 80, "test": 200}
    assert figures["training"]["job"].startswith(f"{STACK}-")
    assert figures["training"]["validation_accuracy"] >= 0.8
    assert figures["endpoint"]["name"] == STACK
    assert figures["endpoint"]["test_images"] == 200
    assert figures["endpoint"]["test_accuracy"] >= 0.8
    assert figures["threshold"] == 0.93
    executions = figures["executions"]
    assert executions["started"] == executions["succeeded"] + executions["below_threshold"] == 12
    assert executions["failed"] == 0
    assert set(figures["seconds"]) == {"stage", "train", "deploy", "test", "monitor"}
    assert (workplace / figures["report"]).exists()
    assert figures["verdict"]["state"] == "check" and "not enough: 12 of 30" in figures["verdict"]["why"]
    assert {check["name"] for check in figures["verdict"]["checks"] if check["state"] == "healthy"} >= {"captures"}


def test_the_report_s_inferences_are_the_executions(figures: dict[str, Any], workplace: Path) -> None:
    report = workplace / "runs" / STACK / "report"
    inferences = pd.read_csv(report / "inferences.csv")
    executions = pd.read_csv(workplace / "runs" / STACK / "executions.csv")
    assert sorted(inferences["s3_key"]) == sorted(executions["s3_key"])
    assert inferences["below_threshold"].sum() == figures["executions"]["below_threshold"]
    assert len(list(report.glob("*.png"))) == 7


def test_metrics_of_every_epoch_are_kept(figures: dict[str, Any], workplace: Path) -> None:
    metrics = pd.read_csv(workplace / "runs" / STACK / "metrics.csv")
    validation = metrics[metrics["metric"] == "validation:accuracy"].set_index("epoch")["value"]
    unseen = metrics[metrics["metric"] == "unseen:accuracy"].iloc[0]
    assert list(validation.index) == list(range(9))  # then the photos join the training
    assert unseen["value"] == pytest.approx(validation[8], abs=1e-4)
    assert unseen["value"] == figures["training"]["validation_accuracy"]
    low, high = figures["training"]["validation_interval"]
    assert low <= unseen["value"] <= high and figures["training"]["validation_images"] == 80


def test_an_execution_ends_with_the_inferences_and_without_the_photo(figures: dict[str, Any]) -> None:
    stepfunctions = boto3.client("stepfunctions")
    arn = stack_output("StateMachineArn")
    done = stepfunctions.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED")["executions"][0]
    output = json.loads(stepfunctions.describe_execution(executionArn=done["executionArn"])["output"])
    assert set(output) == {"s3_bucket", "s3_key", "image_data", "inferences"}
    assert output["image_data"] == ""
    assert max(output["inferences"]) >= 0.93


def test_a_large_photo_goes_through_by_reference(figures: dict[str, Any]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    assert len(buffer.getvalue()) > 262_144
    bucket = stack_output("BucketName")
    boto3.client("s3").put_object(Bucket=bucket, Key="images/large.png", Body=buffer.getvalue())
    ended = execute({"s3_bucket": bucket, "s3_key": "images/large.png"})
    assert ended["status"] == "SUCCEEDED" or ended["error"] == "ThresholdConfidenceNotMetError", ended


@pytest.mark.parametrize(
    ("key", "body", "error"),
    [("images/none.png", None, "ImageNotFoundError"), ("images/text.png", b"no image", "InvalidImageError")],
)
def test_a_bad_photo_fails_under_its_own_name(
    figures: dict[str, Any], key: str, body: bytes | None, error: str
) -> None:
    bucket = stack_output("BucketName")
    if body is not None:
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    ended = execute({"s3_bucket": bucket, "s3_key": key})
    assert (ended["status"], ended["error"]) == ("FAILED", error)
    assert key in json.loads(ended["cause"])["errorMessage"]


def stack_output(key: str) -> str:
    stack = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}[key]


def execute(event: dict[str, str]) -> Any:
    """Run the state machine to its end and return its description."""
    stepfunctions = boto3.client("stepfunctions")
    arn = stepfunctions.start_execution(stateMachineArn=stack_output("StateMachineArn"), input=json.dumps(event))
    while (ended := stepfunctions.describe_execution(executionArn=arn["executionArn"]))["status"] == "RUNNING":
        time.sleep(0.1)
    return ended


def test_photos_are_reviewed_and_tried_on_the_page(figures: dict[str, Any], workplace: Path) -> None:
    command = [sys.executable, str(ROOT / "training/run.py"), "--stack-name", STACK, "review", "--no-browser", "--json"]
    photo = next((workplace / "runs" / STACK / "dataset/images/test").iterdir()).read_bytes()
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=workplace, env=USER, preexec_fn=heed, **pipes) as process:
        assert process.stderr is not None
        address = next(line for line in process.stderr if "Open the page" in line).split()[-1]
        page = requests.Session()
        page.headers["Origin"] = address.rpartition("/")[0].rpartition("/")[0]
        current = page.get(f"{address}state").json()["current"]
        assert page.get(f"{address}photos/{current['number']}").headers["Content-Type"] == "image/png"
        answer = {"event_id": current["event_id"], "answer": "bicycle"}
        assert page.post(f"{address}answer", json=answer).json()["answered"] == 1
        begun = page.post(f"{address}tries", data=photo).json()
        told = followed(page, f"{address}tries/{begun['execution']}")
        process.send_signal(signal.SIGINT)
        found, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert told["verdict"]["kind"] in ("accepted", "refused")
    assert [state["name"] for state in told["states"]] == ["SerializeImageData", "ClassifyImage", "FilterInferences"]
    assert told["states"][1]["output"]["inferences"]
    assert json.loads(found)["review"]["answers"] == 1
    bucket, s3 = f"{STACK}-000000000000-us-east-1", boto3.client("s3")
    manifest = json.loads(s3.get_object(Bucket=bucket, Key="review/augmented.manifest")["Body"].read())
    copy = manifest["source-ref"].removeprefix(f"s3://{bucket}/")
    assert s3.get_object(Bucket=bucket, Key=copy)["Body"].read().startswith(b"\x89PNG")
    assert s3.get_object(Bucket=bucket, Key=begun["key"])["Body"].read() == photo


def followed(page: requests.Session, url: str) -> dict[str, Any]:
    """Return what the page is told of a try, once that has ended."""

    def told() -> dict[str, Any] | None:
        found: dict[str, Any] = page.get(url).json()
        return found if found["verdict"] else None

    return wait_for(told, seconds=60)


def test_the_endpoint_of_a_run_ends_in_eight_hours(figures: dict[str, Any], workplace: Path) -> None:
    done = run(workplace, "status", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (endpoint,) = found["endpoints"]
    assert (endpoint["name"], endpoint["status"]) == (STACK, "InService")
    left = datetime.fromisoformat(endpoint["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=7) < left <= timedelta(hours=8)
    assert found["schedules"] == {f"{STACK}-expiry": endpoint["expires_at"]}
    assert found["bucket"]["images/"]["versions"] >= 1000
    assert found["usd"]["per_day"] == pytest.approx(24 * endpoint["usd_per_hour"], rel=0.01)


def test_status_fits_80_columns_without_a_run(figures: dict[str, Any], workplace: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "status")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stderr.splitlines())) <= 80
    assert f"{STACK}, InService" in done.stderr and "deleted at " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_what_it_costs_and_creates_nothing(figures: dict[str, Any], workplace: Path) -> None:
    sagemaker = boto3.client("sagemaker")
    before = sagemaker.list_training_jobs()["TrainingJobSummaries"]
    done = run(workplace, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)["plan"]
    assert plan["cost"]["usd"] > 0
    assert "problem" not in {check["outcome"] for check in plan["checks"]}
    assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == before


def test_staging_again_sends_nothing(figures: dict[str, Any], workplace: Path) -> None:
    done = run(workplace, "stage", "--archive", "sample")
    assert done.returncode == 0, done.stderr
    assert "0 files sent" in done.stderr


def test_deploying_again_updates_the_endpoint_in_place(figures: dict[str, Any], workplace: Path) -> None:
    before = boto3.client("sagemaker").describe_endpoint(EndpointName=STACK)
    done = run(workplace, "deploy", "--json")
    assert done.returncode == 0, done.stderr
    after = boto3.client("sagemaker").describe_endpoint(EndpointName=STACK)
    assert after["CreationTime"] == before["CreationTime"]
    assert after["EndpointConfigName"] != before["EndpointConfigName"]


def test_training_that_fails_says_why(figures: dict[str, Any], workplace: Path) -> None:
    done = run(workplace, "train", "--hyperparameter", "colour=red")
    assert done.returncode == 1
    assert "did not complete: AlgorithmError" in done.stderr.replace("\n", " ")
    assert "colour" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_endpoint_that_does_not_start_shows_its_log(figures: dict[str, Any], workplace: Path) -> None:
    saved = workplace / "runs" / STACK / "results" / "train.json"
    good = saved.read_text()
    model = json.loads(good)
    bucket = stack_output("BucketName")
    boto3.client("s3").put_object(Bucket=bucket, Key="models/broken/model.tar.gz", Body=archive_of({}))
    model["result"] |= {
        "training_job_name": f"{STACK}-broken",
        "model_data_url": f"s3://{bucket}/models/broken/model.tar.gz",
    }
    saved.write_text(json.dumps(model))
    try:
        done = run(workplace, "deploy")
    finally:
        saved.write_text(good)
    assert done.returncode == 1
    assert "did not pass the ping health check" in done.stderr.replace("\n", " ")
    assert f"Last lines of /aws/sagemaker/Endpoints/{STACK}" in done.stderr
    assert "serve: command not found" in done.stderr
    assert "Traceback" not in done.stderr.split("Last lines of")[0]


def test_a_worse_model_does_not_replace_the_one_in_service(figures: dict[str, Any], workplace: Path) -> None:
    sagemaker, bucket = boto3.client("sagemaker"), stack_output("BucketName")
    saved = workplace / "runs" / STACK / "results" / "train.json"
    good = saved.read_text()
    model = json.loads(good)
    archive = boto3.client("s3").get_object(Bucket=bucket, Key=model["result"]["model_data_url"].split("/", 3)[3])
    worse = with_constant_answers(archive["Body"].read(), [0.9, 0.1])
    boto3.client("s3").put_object(Bucket=bucket, Key="models/worse/model.tar.gz", Body=worse)
    model["result"] |= {
        "training_job_name": f"{STACK}-worse",
        "model_data_url": f"s3://{bucket}/models/worse/model.tar.gz",
    }
    before = sagemaker.describe_endpoint(EndpointName=STACK)
    saved.write_text(json.dumps(model))
    try:
        done = run(workplace, "deploy")
    finally:
        saved.write_text(good)
    said = " ".join(done.stderr.split())
    assert done.returncode == 1, said
    assert f"{STACK}-worse is worse than {figures['training']['job']}" in said
    assert f"accuracy 0.500 instead of {figures['endpoint']['test_accuracy']:.3f} on the same 200 test photos" in said
    assert sagemaker.describe_endpoint(EndpointName=STACK) | {"ResponseMetadata": {}} == before | {
        "ResponseMetadata": {}
    }
    assert [one["EndpointName"] for one in sagemaker.list_endpoints(NameContains=STACK)["Endpoints"]] == [STACK]
    assert sagemaker.list_endpoint_configs(NameContains="candidate")["EndpointConfigs"] == []
    assert sagemaker.list_models(NameContains=f"{STACK}-worse")["Models"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["stage", "--archive", "nowhere.tar.gz"], "nowhere.tar.gz"),
        (["stage", "--archive", "sample", "--classes", "bicycle,motorbike"], "motorbike"),
        (["stage", "--archive", "sample", "--classes", "bicycle"], "Two classes or more"),
        (["train", "--stack-name", "no-such-stack"], "no stack no-such-stack"),
        (["deploy", "--instances", "1-2"], "scaling)"),  # which is not emulated
    ],
)
def test_bad_input_is_one_sentence(workplace: Path, aws: dict[str, str], arguments: list[str], sentence: str) -> None:
    """An administrator's: a user may not look for other stacks."""
    done = run(workplace, *arguments, environment=aws)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_clean_up_leaves_nothing_and_runs_twice(figures: dict[str, Any], workplace: Path) -> None:
    bucket = stack_output("BucketName")
    boto3.client("s3").put_object(Bucket=bucket, Key="images/mine.png", Body=b"a user's own photo")
    first = run(workplace, "cleanup", "--json")
    assert first.returncode == 0, first.stderr
    deleted = json.loads(first.stdout)["deleted"]
    assert deleted[0] == f"endpoint {STACK}"
    assert f"schedule {STACK}-expiry" in deleted
    assert any(name.startswith(f"s3://{bucket}/captured/{STACK}/") for name in deleted)
    sagemaker = boto3.client("sagemaker")
    assert sagemaker.list_endpoints(NameContains=STACK)["Endpoints"] == []
    assert sagemaker.list_models(NameContains=STACK)["Models"] == []
    kept = [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert {key for key in kept if not key.startswith("images/")} == set()
    assert "images/mine.png" in kept
    second = run(workplace, "cleanup", "--json", "--everything")
    assert "There was nothing to delete" in second.stderr
    others, logs = json.loads(second.stdout)["deleted"]
    said = " ".join(first.stderr.split())
    assert f"Left: {others}: keeps `sam delete` from working Left: {logs}: stays after `sam delete`" in said
    assert others.startswith(f"s3://{bucket}/images/ (") and logs.startswith("log streams of this stack's training")
    assert not {"Versions", "DeleteMarkers"} & set(boto3.client("s3").list_object_versions(Bucket=bucket))
