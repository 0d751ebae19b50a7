"""What the unit tests of a deployment share."""

from pathlib import Path

import pytest

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import Logs, Runtime, Scheduler, make_context
from tests.unit.training.instances import AutoScaling, CloudWatch
from tests.unit.training.serving import write_photos
from training import endpoint
from training.context import Context
from training.results import Dataset


@pytest.fixture
def sagemaker() -> SageMaker:
    return SageMaker()


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler()


@pytest.fixture
def cloudwatch() -> CloudWatch:
    return CloudWatch()


@pytest.fixture
def autoscaling() -> AutoScaling:
    return AutoScaling()


@pytest.fixture
def context(
    sagemaker: SageMaker,
    scheduler: Scheduler,
    cloudwatch: CloudWatch,
    autoscaling: AutoScaling,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Context:
    monkeypatch.setattr(endpoint, "POLL_SECONDS", 0.0)
    logs = Logs([f"line {number}" for number in range(2)], "AllTraffic/i-1", "/aws/sagemaker/Endpoints/s")
    runtime = Runtime(0.2, 0.8)
    return make_context(
        tmp_path,
        sagemaker=sagemaker,
        scheduler=scheduler,
        cloudwatch=cloudwatch,
        autoscaling=autoscaling,
        logs=logs,
        sagemaker_runtime=runtime,
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return write_photos(tmp_path)
