"""A run of all steps from the command line, on an AWS that only records: no request leaves this process."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pytest
from sagemaker.core.utils.utils import SageMakerClient

from tests.unit.conftest import CLASS_NAMES, photos
from tests.unit.training.requests.aws import ACCOUNT, NAME, Aws
from tests.unit.training.requests.recorder import Recorder, Request
from training import run
from training.config import REGION_VARIABLE, YES_VARIABLE
from training.dataset import sending
from training.dataset.sample import pack
from training.report import files
from training.review import step
from training.review.server import Server

ALGORITHMS: dict[str, list[str]] = {  # the options of train
    "own": [],
    "image": ["--image-uri", f"{ACCOUNT}.dkr.ecr.{{region}}.{{suffix}}/photos:1"],
    "builtin": ["--algorithm", "builtin"],
}
REGIONS = {  # region: partition, suffix of its hosts
    "us-east-1": ("aws", "amazonaws.com"),
    "us-gov-west-1": ("aws-us-gov", "amazonaws.com"),
    "cn-north-1": ("aws-cn", "amazonaws.com.cn"),
}
DIFFERING = ("stage", "train", "deploy")  # the steps whose requests differ with the algorithm, and what they need
LOADER = botocore.loaders.create_loader()  # for all sessions: it keeps the models, of which SageMaker's takes long


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


def record(region: str, algorithm: str, directory: Path) -> Run:
    """Run the steps in a directory and return what they were about to send; all steps of the default algorithm."""
    partition, suffix = REGIONS[region]
    aws = Aws(partition, region)
    recorder = Recorder(aws.answer)
    pack(directory / "photos.tar.gz", archive())
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(botocore.session, "create_loader", lambda _=None: LOADER)
        shut_out_the_world(monkeypatch, directory, region)
        recorder.install(monkeypatch)
        monkeypatch.setattr(sending, "common_runtime", lambda s3: FakeRuntime(s3, aws, recorder))
        monkeypatch.setattr(files, "write", lambda *_: Path("report.html"))  # seconds of drawing ask for nothing
        monkeypatch.setattr(step, "wait", use_the_page)
        options = [option.format(region=region, suffix=suffix) for option in ALGORITHMS[algorithm]]
        for recorder.step, arguments in commands(options).items():
            if algorithm != "own" and recorder.step not in DIFFERING:
                continue
            if recorder.step in ("train again", "deploy with two"):
                wait_for_the_next_second()
            if recorder.step == "status":
                aws.running.update(arn.rpartition("/")[2] for arn in aws.of("training-job"))
                aws.runs_of_monitor.append(f"{NAME}-monitor-0123456789abcdef")
            if recorder.step == "cleanup":
                next(one for arn, one in aws.executions.items() if "-batchClassification:" in arn)["status"] = "RUNNING"
            assert run.main(arguments) == 0
    SageMakerClient.reset()  # sagemaker.core keeps its clients, and other tests would be answered by this AWS
    return Run(algorithm, region, partition, suffix, recorder.requests)


def use_the_page(_: threading.Event, server: Server) -> None:
    """Do what a person does on the page of the review: answer a photo, and try another."""
    session, photos, tries = server.review.session, server.review.photos, server.review.tries
    current = session.state()["current"]
    fields = session.tasks[current["number"]].fields
    assert photos.find({**fields, "s3_key": None}) is not None  # as one that is not staged
    session.answer(current["event_id"], "bicycle")
    tries.describe(tries.start(b"photo")["execution"])


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
    """Names of jobs and configurations have seconds: the next one needs another name."""
    began = int(time.time())
    while int(time.time()) == began:
        threading.Event().wait(0.02)  # time.sleep returns at once


def commands(options: list[str]) -> dict[str, list[str]]:
    """Return a run's commands; a second model is compared with the first, replaces it, and is scaled for a while."""
    return {
        "stage": ["stage", "--archive", "photos.tar.gz", "--classes", "bicycle,motorcycle"],
        "train": ["train", *options],
        "deploy": ["deploy"],
        "train again": ["train", *options, "--seed", "1"],
        "deploy again": ["deploy", "--instances", "2-3"],
        "deploy with two": ["deploy", "--instances", "2"],
        "threshold": ["threshold"],
        "test": ["test", "--executions", "2"],
        "monitor": ["monitor"],
        "schedule": ["monitor", "--schedule", "rate(1 day)"],
        "end the schedule": ["monitor", "--schedule", "never"],
        "schedule again": ["monitor", "--schedule", "rate(6 hours)"],
        "deploy under a schedule": ["deploy", "--instances", "2"],
        "test again": ["test", "--executions", "2"],
        "batch": ["batch", "images/test/"],
        "batch again": ["batch", "--retry"],
        "review": ["review", "--no-browser"],
        "traffic": ["traffic", "--rate", "20", "--duration", "0.05"],
        "traffic through uploads": ["traffic", "--rate", "20", "--duration", "0.05", "--through", "uploads"],
        "status": ["status"],
        "cleanup": ["cleanup", "--everything"],
    }
