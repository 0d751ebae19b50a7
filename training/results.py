"""What each step hands to the next, kept as JSON in the run's directory so that a step can be run alone."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from training.errors import StepNotRunError


@dataclass(frozen=True)
class Dataset:
    """The staged photos: files on disk, the same files in the bucket, and the index that joins them.

    The index (`images.csv` in `directory`) has one line per image and the columns
    `split` (train, validation, test), `filename`, `label` (0-based, the order of `classes`),
    `class_name`, `row` (of the archive member it came from) and `s3_key`.
    """

    directory: str
    bucket: str
    classes: tuple[str, ...]  # in label order
    image_shape: tuple[int, int, int]  # channels, height, width in pixels
    train: int  # images
    validation: int  # images
    test: int  # images
    seconds: float


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
    endpoint_config_name: str
    model_name: str
    test_accuracy: float  # in [0, 1], share of test_images
    test_images: int
    seconds: float


@dataclass(frozen=True)
class Executions:
    """The outcomes of the executions that one test step started."""

    started: int
    succeeded: int
    below_threshold: int
    failed: int
    started_at: str  # ISO 8601, UTC
    seconds: float


@dataclass(frozen=True)
class Monitoring:
    """The report on what the endpoint's data capture recorded."""

    report: str  # path of report.html
    records: int
    seconds: float


Result = TypeVar("Result", Dataset, TrainedModel, Deployment, Executions, Monitoring)


def _path(directory: Path, kind: type[Any]) -> Path:
    return directory / "results" / f"{kind.__name__.lower()}.json"


def save(directory: Path, result: Result) -> Result:
    """Write `result` to `directory`, replacing the one of an earlier run, and return it."""
    path = _path(directory, type(result))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(result), indent=2) + "\n")
    return result


def load(directory: Path, kind: type[Result], step: str) -> Result:
    """Return the saved result of an earlier run.

    Raises:
        StepNotRunError: There is none; the message names `step`, which makes it.
    """
    path = _path(directory, kind)
    if not path.exists():
        raise StepNotRunError(f"{directory} has no result of the {step} step: run `python training/run.py {step}` first.")
    fields = json.loads(path.read_text())
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
