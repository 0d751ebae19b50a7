"""Batches as a user runs them: a prefix and manifests, refusals, a broken photo, a retry, a share that is exceeded.

The model says how likely the classes are by the photo's colour: white is sure, grey is not.
"""

import io
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from tests.archives import archive_of
from tests.integration.support.endpoints import SHAPE, container_definition, settled_endpoint, variant
from tests.integration.support.people import person
from tests.integration.support.stacks import ROOT, deploy_application, stack_outputs

STACK = "batch-test"
PREFIX = "images/batch/"
SURE, UNSURE, BROKEN = 50, 9, 1  # photos below the prefix
WHITE, GREY = 255, 0


@pytest.fixture(scope="module")
def user(aws: dict[str, str], build: Path) -> dict[str, str]:
    """The environment of a person with the rights of permissions.yaml, and a deployed stack that serves."""
    environment = {**person(STACK, aws), "SCONES_YES": "1"}
    parameters = {"EndpointName": STACK, "ClassifyUploads": "true"}  # for traffic
    deploy_application(STACK, build, environment, **parameters)
    outputs = stack_outputs(STACK)
    serve(outputs)
    for number in range(SURE + UNSURE):
        put(outputs["BucketName"], f"{PREFIX}{number:03d}.png", photo(WHITE if number < SURE else GREY))
    put(outputs["BucketName"], f"{PREFIX}broken.png", b"no photo")
    return environment


def put(bucket: str, key: str, body: bytes) -> str:
    version: str = boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
    return version


def photo(brightness: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((32, 32, 3), brightness, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def serve(outputs: dict[str, str]) -> None:
    """Bring a model into service that is sure of bright photos only: a photo's mean brightness is the first class's."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", *SHAPE])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])
    constants = {"scale": np.array([[0.45 / 255, -0.45 / 255]], np.float32), "base": np.array([[0.5, 0.5]], np.float32)}
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Mul", ["column", "scale"], ["difference"]),
        helper.make_node("Add", ["difference", "base"], ["probabilities"]),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    tensors += [numpy_helper.from_array(np.array([1, 2, 3]), "axes"), numpy_helper.from_array(np.array([1]), "last")]
    graph = helper.make_graph(nodes, "brightness", [pixels], [output], tensors)
    model: Any = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    metadata = json.dumps({"network_shape": SHAPE}).encode()
    archive = archive_of({"model.onnx": model.SerializeToString(), "metadata.json": metadata})
    put(outputs["BucketName"], "models/m/output/model.tar.gz", archive)
    sagemaker: Any = boto3.client("sagemaker")
    tags = [{"Key": "stack", "Value": STACK}]
    location = container_definition(f"s3://{outputs['BucketName']}/models/m/output/model.tar.gz")
    sagemaker.create_model(
        ModelName=f"{STACK}-model", PrimaryContainer=location, ExecutionRoleArn=outputs["SageMakerRoleArn"], Tags=tags
    )
    config = f"{STACK}-config"
    sagemaker.create_endpoint_config(
        EndpointConfigName=config, ProductionVariants=[variant(f"{STACK}-model")], Tags=tags
    )
    sagemaker.create_endpoint(EndpointName=STACK, EndpointConfigName=config, Tags=tags)
    assert settled_endpoint(STACK)["EndpointStatus"] == "InService"


@pytest.fixture(scope="module")
def workplace(user: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workplace")


Ended = subprocess.CompletedProcess[str]


def run(user: dict[str, str], workplace: Path, *arguments: str, step: str = "batch") -> Ended:
    command = [sys.executable, str(ROOT / "training/run.py"), step, "--stack-name", STACK, "--json", *arguments]
    return subprocess.run(command, cwd=workplace, capture_output=True, text=True, env=user)


def figures_of(ended: Ended) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)["batch"]
    return found


def table_of(workplace: Path, found: dict[str, Any], name: str = "verdicts.csv") -> pd.DataFrame:
    return pd.read_csv(workplace / found["results"] / name, keep_default_na=False)


@pytest.fixture(scope="module")
def prefix(user: dict[str, str], workplace: Path) -> dict[str, Any]:
    """The figures of a batch of all photos below the prefix."""
    return figures_of(run(user, workplace, PREFIX))


@pytest.mark.aws(
    "Step Functions", "a batch of photos in Express children of a Distributed Map, its verdicts in S3", "exact"
)
def test_each_photo_below_a_prefix_has_one_verdict(prefix: dict[str, Any], workplace: Path) -> None:
    counts = {name: prefix[name] for name in ("status", "photos", "accepted", "refused", "failed")}
    photos = SURE + UNSURE + BROKEN
    expected = {"photos": photos, "accepted": SURE, "refused": UNSURE, "failed": BROKEN}
    assert counts == {"status": "succeeded", **expected}
    verdicts = table_of(workplace, prefix)
    assert set(Counter(verdicts["s3_key"]).values()) == {1} and len(verdicts) == photos
    assert set(verdicts[verdicts["accepted"] == "false"]["confidence"]) == {"0.5"}


def test_an_error_is_a_verdict_under_its_name(prefix: dict[str, Any], workplace: Path) -> None:
    verdicts = table_of(workplace, prefix)
    (broken,) = verdicts[verdicts["error"] != ""].to_dict("records")
    assert (broken["s3_key"], broken["error"], broken["accepted"]) == (f"{PREFIX}broken.png", "InvalidImageError", "")
    assert broken["cause"].startswith(f"The endpoint refused {PREFIX}broken.png")


def test_the_workflow_s_own_summary_is_the_same(prefix: dict[str, Any]) -> None:
    machine = stack_outputs(STACK)["BatchStateMachineArn"]
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{prefix['name']}"
    output = json.loads(boto3.client("stepfunctions").describe_execution(executionArn=arn)["output"])
    assert {name: output[name] for name in ("photos", "accepted", "refused", "failed")} == {
        name: prefix[name] for name in ("photos", "accepted", "refused", "failed")
    }
    assert output["errors"] == {"InvalidImageError": 1}
    bucket, _, key = output["verdicts"].removeprefix("s3://").partition("/")
    assert boto3.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0


def test_what_failed_is_classified_again_alone(prefix: dict[str, Any], user: dict[str, str], workplace: Path) -> None:
    bucket = stack_outputs(STACK)["BucketName"]
    put(bucket, f"{PREFIX}broken.png", photo(WHITE))
    try:
        again = figures_of(run(user, workplace, "--retry", prefix["name"]))
    finally:
        put(bucket, f"{PREFIX}broken.png", b"no photo")
    assert (again["photos"], again["accepted"]) == (1, 1)


def test_a_manifest_s_version_is_classified(user: dict[str, str]) -> None:
    """The newest version of the photo is another one."""
    bucket, key = stack_outputs(STACK)["BucketName"], "images/versions/a.png"
    versions = [put(bucket, key, photo(brightness)) for brightness in (WHITE, GREY)]
    rows = "".join(f"{key},{version}\n" for version in [*versions, ""])
    put(bucket, "manifests/versions.csv", f"s3_key,version\n{rows}".encode())
    output = json.loads(execute({"manifest": "manifests/versions.csv", "max_refused_share": 1})["output"])
    found = {verdict["version"]: verdict["accepted"] for verdict in verdicts_of(output)}
    assert found == {versions[0]: True, versions[1]: False, None: False}


def test_a_manifest_of_lines_gives_verdicts_the_names_of_classes(user: dict[str, str]) -> None:
    line = json.dumps({"s3_key": f"{PREFIX}000.png"})
    put(stack_outputs(STACK)["BucketName"], "manifests/direct.jsonl", line.encode())
    output = json.loads(execute({"manifest": "manifests/direct.jsonl", "classes": ["bright", "dark"]})["output"])
    assert (output["photos"], output["accepted"]) == (1, 1)
    assert verdicts_of(output)[0]["class"] == "bright"


def execute(event: dict[str, Any]) -> dict[str, Any]:
    """Start an execution as `aws stepfunctions start-execution` does, and return its end."""
    client: Any = boto3.client("stepfunctions")
    arn = client.start_execution(stateMachineArn=stack_outputs(STACK)["BatchStateMachineArn"], input=json.dumps(event))[
        "executionArn"
    ]
    while (found := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.2)
    described: dict[str, Any] = found
    return described


def verdicts_of(output: dict[str, Any]) -> list[dict[str, Any]]:
    bucket, _, key = output["verdicts"].removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    files = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["ResultFiles"]["SUCCEEDED"]
    bodies = [s3.get_object(Bucket=bucket, Key=file["Key"])["Body"].read() for file in files]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_too_many_refusals_fail_the_batch_loudly(user: dict[str, str], workplace: Path) -> None:
    ended = run(user, workplace, PREFIX, "--max-refused-share", "0.01")
    assert ended.returncode == 1 and not ended.stdout
    reason = "TooManyRefusedError: 9 of 60 photos are below the threshold, which is more than the share of 0.01"
    assert f"has not succeeded ({reason}" in ended.stderr
    name = ended.stderr.rpartition("--retry ")[2].strip()
    summary = json.loads((workplace / "runs" / STACK / "batches" / name / "summary.json").read_text())
    assert (summary["status"], summary["photos"]) == ("failed", 60)


def test_too_many_errors_fail_the_batch_loudly(user: dict[str, str]) -> None:
    ended = execute({"prefix": PREFIX, "max_failed_share": 0.01})
    assert (ended["status"], ended["error"]) == ("FAILED", "TooManyFailedError")
    assert ended["cause"].startswith(
        '1 of 60 photos could not be classified, which is more than the share of 0.01: {"InvalidImageError":1}'
    )


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"prefix": "images/none/"}, "NoPhotosError"),
        ({"prefix": "models/"}, "InvalidInputError"),
        ({"prefix": PREFIX, "manifest": "manifests/direct.csv"}, "InvalidInputError"),
        ({"manifest": "manifests/direct.txt"}, "InvalidInputError"),
        ({}, "InvalidInputError"),
        ({"manifest": "manifests/missing.csv"}, "States.ItemReaderFailed"),
    ],
)
def test_an_input_that_names_no_photos_fails_under_its_name(
    user: dict[str, str], event: dict[str, Any], error: str
) -> None:
    ended = execute(event)
    assert (ended["status"], ended["error"]) == ("FAILED", error)


def test_an_interrupted_batch_goes_on_and_is_joined(user: dict[str, str], workplace: Path) -> None:
    command = [sys.executable, str(ROOT / "training/run.py"), "batch", "--stack-name", STACK, PREFIX]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=workplace, stderr=pipe, text=True, env=user, preexec_fn=heed) as process:
        assert process.stderr is not None
        told = next(line for line in lines_of(process.stderr) if "To join it" in line)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130 and "goes on. To join it" in rest
    found = figures_of(run(user, workplace, "--join"))
    assert found["name"] in told and found["photos"] == SURE + UNSURE + BROKEN


def lines_of(stream: Any) -> Iterator[str]:
    return iter(stream.readline, "")


@pytest.mark.parametrize("way", ["executions", "uploads"])
def test_traffic_has_the_outcomes_that_its_photos_should_have(user: dict[str, str], tmp_path: Path, way: str) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "white.png").write_bytes(photo(WHITE))
    load = ["--rate", "8", "--duration", "2", "--corrupt", "0.4", "--shift", "dark:0.9@1s", "--seed", "1"]
    ended = run(user, tmp_path, "--photos", "own", "--through", way, *load, step="traffic")
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)["traffic"]
    assert (found["sent"], found["unanswered"], found["unexpected"]) == (16, 0, 0), ended.stderr
    table = table_of(tmp_path, found, "traffic.csv")
    outcomes = {(change, outcome) for change, outcome in zip(table["change"], table["outcome"], strict=True)}
    sound = {one for one in outcomes if not one[0].startswith("corrupt")}
    assert sound == {("unchanged", "accepted"), ("dark:0.9", "refused")}
    assert {outcome for _, outcome in outcomes - sound} == {"failed"}
