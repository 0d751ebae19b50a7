"""What several test files need: the template, a quiet console, small archives, an S3 that speaks HTTP."""

import io
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
from moto import mock_aws
from moto.server import ThreadedMotoServer
from rich.console import Console
from samtranslator.yaml_helper import yaml_parse

from tests.unit.lambda_functions import ROOT
from training.dataset.sample import pack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLASS_NAMES = ["apple", "bicycle", "motorcycle", "road"]

WriteArchive = Callable[..., Path]


@pytest.fixture(autouse=True)
def nobody_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the steps ask before something costs, also in a process that has tested the local AWS."""
    for name in ("SCONES_YES", "SCONES_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mocked_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto in this process in place of AWS, with credentials that open nothing."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """Return template.yaml; no test changes it."""
    parsed: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return parsed


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let moto's S3 list this many objects at a time; S3 lists 1,000."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "5")
    return 5


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def photos(labels: list[int], seed: int = 0) -> dict[str, Any]:
    """Return the content of a train or test member: an image of noise per label."""
    data = np.random.default_rng(seed).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    names = [f"{CLASS_NAMES[label]}_s_{row:06d}.png" for row, label in enumerate(labels)]
    return {"data": data, "fine_labels": labels, "filenames": names}


@pytest.fixture
def write_archive(tmp_path: Path) -> WriteArchive:
    """Return a function that writes a small archive; its arguments replace whole members."""

    def write(**members: dict[str, Any]) -> Path:
        content = {
            "train": photos([1, 2] * 20 + [0, 3] * 3),
            "test": photos([1, 2] * 5 + [0], seed=1),
            "meta": {"fine_label_names": CLASS_NAMES},
        }
        path = tmp_path / "photos.tar.gz"
        pack(path, content | members)
        return path

    return write


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Yield the URL of an S3 on this machine: the Common Runtime cannot be faked inside this process."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_endpoint: str) -> "S3Client":
    return boto3.client(
        "s3", endpoint_url=s3_endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def bucket(s3: "S3Client") -> str:
    """Return the name of an empty bucket."""
    name = f"bucket-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name
