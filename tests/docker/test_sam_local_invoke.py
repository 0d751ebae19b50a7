"""`sam local invoke` of every event in events/: the functions in Lambda's own container image.

Run by `make test-docker`. Where no container engine answers, the tests are skipped.
"""

import base64
import gc
import ipaddress
import json
import platform
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
from docker.errors import DockerException

from tests.docker.forwarder import forwarding
from tests.integration.support.endpoints import create_constant_endpoint
from tests.integration.support.iam import create_role

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
NAME = "scones-unlimited"  # the stack and the endpoint that the events and the template's defaults name
BUCKET = f"{NAME}-000000000000-us-east-1"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
LAMBDA_IMAGE = f"public.ecr.aws/lambda/python:3.13-{ARCHITECTURE}"

Invoke = Callable[[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def engine() -> docker.DockerClient:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # when no engine answers, the client leaves its socket open
        found = find_engine()
        gc.collect()
    if isinstance(found, str):
        pytest.skip(f"no container engine answers: {found}")
    return found


def find_engine() -> docker.DockerClient | str:
    """Return a client of the engine, or the reason why there is none."""
    try:
        return docker.from_env()
    except DockerException as err:
        return str(err)


@pytest.fixture(scope="module")
def project(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the application for this processor, with AWS_ENDPOINT_URL declared: SAM passes only declared names."""
    directory = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "functions", directory / "functions")
    shutil.copytree(ROOT / "statemachine", directory / "statemachine")
    template = (ROOT / "template.yaml").read_text()
    template = re.sub("Architectures: .*", f"Architectures: [{ARCHITECTURE}]", template)
    template = template.replace("    Tracing: Active", '    Environment: { Variables: { AWS_ENDPOINT_URL: "" } }')
    (directory / "template.yaml").write_text(template)
    return directory


@pytest.fixture(scope="module")
def endpoint_url(engine: docker.DockerClient, aws: dict[str, str]) -> Iterator[str]:
    """Yield the URL at which a container reaches the local cloud."""
    port = int(aws["AWS_ENDPOINT_URL"].rsplit(":", 1)[1])
    if sys.platform != "linux":  # Docker Desktop resolves this name to the machine's own 127.0.0.1
        yield f"http://host.docker.internal:{port}"
        return
    subnet = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"]
    gateway = str(ipaddress.ip_network(subnet)[1])  # this machine's address in that network
    with forwarding(gateway, port) as forwarded:
        yield f"http://{gateway}:{forwarded}"


@pytest.fixture(scope="module")
def invoke(engine: docker.DockerClient, aws: dict[str, str], project: Path, endpoint_url: str) -> Invoke:
    (project / "variables.json").write_text(json.dumps({"Parameters": {"AWS_ENDPOINT_URL": endpoint_url}}))
    pull = ["--skip-pull-image"] if engine.images.list(LAMBDA_IMAGE) else []

    def run(function: str, event: str) -> dict[str, Any]:
        """Return what the function answers; SAM's exit code is 0 for its errors too."""
        command = ["sam", "local", "invoke", function, "--event", str(EVENTS / f"{event}.json")]
        done = subprocess.run(
            [*command, "--env-vars", "variables.json", *pull], cwd=project, env=aws, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return run


@pytest.fixture(scope="module")
def endpoint(engine: docker.DockerClient, aws: dict[str, str]) -> None:
    """Create the bucket, the photo and the endpoint that the events name."""
    classified = json.loads((EVENTS / "classify_image.json").read_text())
    s3 = boto3.resource("s3").create_bucket(Bucket=BUCKET)
    s3.put_object(Key=classified["s3_key"], Body=base64.b64decode(classified["image_data"]))
    read = {"Effect": "Allow", "Action": ["s3:GetObject", "ecr:*"], "Resource": "*"}
    create_constant_endpoint(NAME, BUCKET, create_role(NAME, "sagemaker", read), [0.95, 0.05])


def test_an_inference_above_the_threshold_passes(invoke: Invoke) -> None:
    assert invoke("filterInferences", "filter_inferences")["body"]["inferences"] == [0.97, 0.03]


def test_an_inference_below_the_threshold_fails(invoke: Invoke) -> None:
    answer = invoke("filterInferences", "filter_inferences_below_threshold")
    assert answer["errorType"] == "ThresholdConfidenceNotMetError"
    assert "best 0.550 < 0.930" in answer["errorMessage"]


def test_a_bad_image_fails(invoke: Invoke) -> None:
    assert invoke("classifyImage", "classify_image_bad_input")["errorType"] == "InvalidImageError"


def test_the_endpoint_is_invoked(invoke: Invoke, endpoint: None) -> None:
    assert invoke("classifyImage", "classify_image")["body"]["inferences"] == pytest.approx([0.95, 0.05])


def test_the_photo_is_read_from_the_bucket(invoke: Invoke, endpoint: None) -> None:
    photo = json.loads((EVENTS / "classify_image.json").read_text())["image_data"]
    assert invoke("serializeImageData", "serialize_image_data")["body"]["image_data"] == photo


def test_every_event_is_invoked_here() -> None:
    source = Path(__file__).read_text()
    assert [path.stem for path in EVENTS.glob("*.json") if f'"{path.stem}")' not in source] == []
