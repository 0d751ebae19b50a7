"""The results of the steps, kept as JSON in the run's directory so that a later step can be run alone."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from training.config import STEPS
from training.errors import StepNotRunError


@dataclass(frozen=True)
class Dataset:
    """The staged photos: files on disk, the same files in the bucket, and the index (`dataset.index`) of them."""

    directory: str
    bucket: str  # another bucket voids the results of later steps
    classes: tuple[str, ...]  # in label order
    image_shape: tuple[int, int, int]  # channels, height, width in pixels
    train: int  # images
    validation: int  # images
    test: int  # images
    fingerprint: str  # of everything that the dataset was made from


@dataclass(frozen=True)
class TrainedModel:
    """A completed training job and the model it left in the bucket."""

    training_job_name: str
    model_data_url: str  # s3://.../model.tar.gz
    image_uri: str
    validation_accuracy: float  # in [0, 1]
    seconds: float


@dataclass(frozen=True)
class Deployment:
    """An endpoint in service and how well it does on the test images."""

    endpoint_name: str
    endpoint_config_name: str  # a new one with each deployment, which voids the results of later steps
    test_accuracy: float  # in [0, 1], share of test_images
    test_images: int
    capture_percentage: int  # of the requests, whose input and output are captured


@dataclass(frozen=True)
class Executions:
    """The outcomes of the executions that one test step started."""

    started: int
    succeeded: int
    below_threshold: int
    failed: int
    started_at: str  # ISO 8601, UTC


@dataclass(frozen=True)
class Monitoring:
    """The report on what the endpoint's data capture recorded."""

    report: str  # path of report.html


@dataclass(frozen=True)
class RunResults:
    """The results of all steps before monitor: what a report is about."""

    dataset: Dataset
    model: TrainedModel
    deployment: Deployment
    executions: Executions


Result = TypeVar("Result", Dataset, TrainedModel, Deployment, Executions, Monitoring)


def save(directory: Path, step: str, result: Result, seconds: float) -> None:
    """Write the result of `step` and the seconds it took, in place of an earlier run's.

    When the result differs from the earlier one, the results of all later steps are deleted: they were derived from
    the replaced result, and a model of other classes must not be deployed.
    """
    fields = json.loads(json.dumps(asdict(result)))
    earlier = _read(directory, step)
    if earlier is not None and earlier["result"] != fields:
        for later in STEPS[STEPS.index(step) + 1 :]:
            _path(directory, later).unlink(missing_ok=True)
    path = _path(directory, step)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"seconds": round(seconds, 1), "result": fields}, indent=2) + "\n")


def load(directory: Path, step: str, kind: type[Result]) -> Result:
    """Return the result of the last run of `step`.

    Raises:
        StepNotRunError: The step was not run, or a version of this project with other fields wrote the result.
    """
    saved = _read(directory, step)
    if saved is None:
        raise StepNotRunError(
            f"The step {step} has no result in {directory}: run `python training/run.py {step}` first."
        )
    fields: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in saved["result"].items()}
    try:
        return kind(**fields)
    except TypeError as err:
        raise StepNotRunError(
            f"The result of {step} in {directory} was written by another version: run `python training/run.py {step}`."
        ) from err


def seconds_of(directory: Path, step: str) -> float | None:
    """Return the duration of the last run of `step`, None when it was not run."""
    saved = _read(directory, step)
    return float(saved["seconds"]) if saved else None


def _path(directory: Path, step: str) -> Path:
    return directory / "results" / f"{step}.json"


def _read(directory: Path, step: str) -> dict[str, Any] | None:
    path = _path(directory, step)
    return json.loads(path.read_text()) if path.exists() else None
