"""Every request of a run is one that AWS takes: in three partitions and with each algorithm, without a network.

The requests of the first region are compared with the files beside this one, one for each algorithm. After a change
that is meant, write them again and review the difference:

    python -m pytest tests/unit/training/requests --write-requests
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pytest

from localcloud.sagemaker.validation import Shape, violations
from tests.unit.conftest import CLASS_NAMES, photos
from tests.unit.training.requests.aws import ACCOUNT, NAME, Aws
from tests.unit.training.requests.recorder import Recorder, Request, flat, report
from training import run
from training.config import REGION_VARIABLE, YES_VARIABLE
from training.dataset import upload
from training.dataset.sample import pack
from training.report import files

HERE = Path(__file__).parent
ALGORITHMS: dict[str, list[str]] = {  # the options of train
    "own": [],
    "image": ["--image-uri", f"{ACCOUNT}.dkr.ecr.{{region}}.{{suffix}}/photos:1"],
    "builtin": ["--algorithm", "builtin"],
}
LOADER = botocore.loaders.create_loader()  # for all sessions: it keeps the models, of which SageMaker's takes long
REGIONS = {  # region: partition, suffix of its hosts
    "us-east-1": ("aws", "amazonaws.com"),
    "us-gov-west-1": ("aws-us-gov", "amazonaws.com"),
    "cn-north-1": ("aws-cn", "amazonaws.com.cn"),
}
FIRST = next(iter(REGIONS))
# Hosts without a region: S3's in the region that it began in, and IAM's of a partition.
GLOBAL_S3 = {"s3.amazonaws.com", f"{NAME}-{ACCOUNT}-{FIRST}.s3.amazonaws.com"}
GLOBAL_IAM = {"aws": "iam.amazonaws.com", "aws-us-gov": "iam.us-gov.amazonaws.com"}
CASES = [(region, name) for region in REGIONS for name in ALGORITHMS if name != "image" or region == FIRST]
WRITTEN = {"own": None, "image": {"train", "deploy"}, "builtin": {"train", "deploy"}}  # all steps, or what differs
IMAGE = re.compile(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.([a-z.]+)/")


class FakeRuntime:
    """The Common Runtime, which sends the photos: its requests are recorded too."""

    def __init__(self, s3: Any, aws: Aws, recorder: Recorder) -> None:
        self._model = s3.meta.service_model.operation_model("PutObject")
        self._region, self._aws, self._recorder = s3.meta.region_name, aws, recorder

    def make_request(self, request: Any, on_done: Any, **_: Any) -> None:
        headers = dict(request.headers)
        _, bucket, key = request.path.split("/", 2)
        parameters = {"Bucket": bucket, "Key": key, "ContentType": headers["Content-Type"]}
        self._recorder.add(Request("s3", "PutObject", parameters, headers["Host"], self._region, self._model))
        self._aws.objects[key] = b"any"
        on_done()


@dataclass(frozen=True)
class Run:
    """A run of all steps in a region, with an algorithm."""

    algorithm: str
    region: str
    partition: str
    suffix: str
    requests: list[Request]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run all steps from the command line and return what they were about to send."""
    region, algorithm = request.param
    partition, suffix = REGIONS[region]
    aws, directory = Aws(partition, region), tmp_path_factory.mktemp("run")
    recorder = Recorder(aws.answer)
    pack(directory / "photos.tar.gz", archive())
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(botocore.session, "create_loader", lambda _=None: LOADER)
        shut_out_the_world(monkeypatch, directory, region)
        recorder.install(monkeypatch)
        monkeypatch.setattr(upload, "_common_runtime", lambda s3: FakeRuntime(s3, aws, recorder))
        monkeypatch.setattr(files, "write", lambda *_: Path("report.html"))  # seconds of drawing ask for nothing
        options = [option.format(region=region, suffix=suffix) for option in ALGORITHMS[algorithm]]
        for recorder.step, arguments in commands(options).items():
            if recorder.step == "train again":
                wait_for_the_next_second()
            if recorder.step == "status":
                aws.running.update(arn.rpartition("/")[2] for arn in aws.of("training-job"))
            assert run.main(arguments) == 0
    return Run(algorithm, region, partition, suffix, recorder.requests)


def archive() -> dict[str, Any]:
    return {
        "train": photos([1, 2] * 5),
        "test": photos([1, 2], seed=1),
        "meta": {"fine_label_names": CLASS_NAMES},
    }


def shut_out_the_world(monkeypatch: pytest.MonkeyPatch, directory: Path, region: str) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(directory / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv(YES_VARIABLE, "1")
    monkeypatch.delenv(REGION_VARIABLE, raising=False)
    monkeypatch.chdir(directory)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def wait_for_the_next_second() -> None:
    """Names of training jobs have seconds: the second job needs another name."""
    began = int(time.time())
    while int(time.time()) == began:
        threading.Event().wait(0.02)  # time.sleep returns at once


def commands(options: list[str]) -> dict[str, list[str]]:
    """Return a run's commands; a second model is compared with the first, and replaces it."""
    return {
        "stage": ["stage", "--archive", "photos.tar.gz", "--classes", "bicycle,motorcycle"],
        "train": ["train", *options],
        "deploy": ["deploy"],
        "train again": ["train", *options, "--seed", "1"],
        "deploy again": ["deploy"],
        "test": ["test", "--executions", "2"],
        "monitor": ["monitor"],
        "status": ["status"],
        "cleanup": ["cleanup"],
    }


def test_what_a_run_asks_for_is_what_the_file_says(recorded: Run, pytestconfig: pytest.Config) -> None:
    path = HERE / f"{recorded.algorithm}.txt"
    if recorded.region == FIRST and pytestconfig.getoption("--write-requests"):
        path.write_text(report(written(recorded)))
    assert in_the_first_region(recorded) == IMAGE.sub("<registry>/", path.read_text())


def written(recorded: Run) -> list[Request]:
    """Return the requests that the algorithm's file has."""
    steps = WRITTEN[recorded.algorithm]
    return [request for request in recorded.requests if steps is None or request.step in steps]


def in_the_first_region(recorded: Run) -> str:
    """Return the text of the requests with the first region's names; only the registries of images differ then."""
    text = IMAGE.sub("<registry>/", report(written(recorded)))
    partition, suffix = REGIONS[FIRST]
    text = text.replace(recorded.suffix, suffix).replace(f"arn:{recorded.partition}:", f"arn:{partition}:")
    text = text.replace(recorded.region, FIRST).replace(f"s3.{FIRST}.{suffix}", f"s3.{suffix}")
    return re.sub(r"\biam\.us-[a-z0-9-]+\.", "iam.", text)


def test_every_parameter_is_one_that_aws_s_models_allow(recorded: Run) -> None:
    """botocore checks types and required members only; this checks lengths, ranges, patterns and enumerations too."""
    wrong = [
        f"{request.service}.{request.operation}: {sentence}"
        for request in recorded.requests
        for sentence in violations(plain(known_partition(request)), input_shape(request), "")
    ]
    assert wrong == []


def known_partition(request: Request) -> dict[str, Any]:
    """Return the parameters; for the Scheduler in a partition that the pattern of its role's ARN knows.

    It takes arn:aws(-[a-z]+)?, which aws-us-gov does not match, although the SDK has the Scheduler's endpoints there.
    """
    if request.service != "scheduler":
        return request.parameters
    known: dict[str, Any] = json.loads(json.dumps(request.parameters).replace("arn:aws-us-gov:", "arn:aws-gov:"))
    return known


def input_shape(request: Request) -> Shape:
    shape = request.model.input_shape
    assert shape is not None
    return shape


def plain(value: Any) -> Any:
    """Return parameters in the types that they are sent in: seconds for a moment, bytes for a file."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.timestamp()
    return value if isinstance(value, str | bool | int | float) else b""


def test_every_request_goes_to_the_region_s_own_endpoint(recorded: Run) -> None:
    regional = re.compile(rf".*\.{recorded.region}\.{re.escape(recorded.suffix)}")
    hosts = {request.host for request in recorded.requests if not regional.fullmatch(request.host)}
    allowed = {GLOBAL_IAM.get(recorded.partition)} | (GLOBAL_S3 if recorded.region == FIRST else set())
    assert hosts <= allowed
    assert {request.region for request in recorded.requests} == {recorded.region}


def test_every_arn_is_of_the_partition_and_the_account(recorded: Run) -> None:
    arns = [value for value in texts(recorded) if value.startswith("arn:")]
    assert arns
    for arn in arns:
        _, partition, _, region, account, resource = arn.split(":", 5)
        assert partition == recorded.partition
        assert region in (recorded.region, "")
        assert account == ("" if resource.startswith("aws-sdk:") else ACCOUNT)  # the Scheduler's universal target


def test_every_image_comes_from_a_registry_of_the_region(recorded: Run) -> None:
    images = [value for value in texts(recorded) if ".dkr.ecr." in value]
    assert images
    for image in images:
        found = IMAGE.match(image)
        assert found
        assert found.groups() == (recorded.region, recorded.suffix)


def texts(recorded: Run) -> Iterator[str]:
    """Yield every value of every parameter."""
    for request in recorded.requests:
        yield from (value for _, value in flat(request.parameters))


def test_every_name_is_the_stack_s_or_the_endpoint_s(recorded: Run) -> None:
    """Policies and cleanup find what a run made by these names."""
    made = [request for request in recorded.requests if request.operation.startswith(("Create", "Start"))]
    assert len(made) > 4
    for request in made:
        for member in ("TrainingJobName", "ModelName", "EndpointConfigName", "EndpointName"):
            assert request.parameters.get(member, NAME).startswith(NAME)
