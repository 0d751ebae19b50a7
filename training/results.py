"""The results of the steps, kept as JSON in the run's directory so that a later step can be run alone."""

import json
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from training import atomic
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
    reviewed: int = 0  # of the training images: people's answers are their labels


@dataclass(frozen=True)
class TrainedModel:
    """A completed training job and the model it left in the bucket."""

    training_job_name: str
    model_data_url: str  # s3://.../model.tar.gz
    image_uri: str
    validation_accuracy: float  # in [0, 1], on photos that the networks were not trained on; NaN: unknown
    seconds: float
    num_classes: int = 0  # that the model tells apart
    dataset_fingerprint: str = ""  # of the dataset that it was trained on
    validation_interval: tuple[float, ...] = ()  # the ends of the accuracy's 95 % interval; empty: unknown
    validation_images: int = 0  # that the accuracy is about; 0: unknown
    program: str = "own"  # own, image or builtin: how its image is started


@dataclass(frozen=True)
class Comparison:
    """A new model and the one that was in service before it, on the same test images."""

    model_in_service: str  # name
    accuracy_in_service: float  # in [0, 1], share of images
    accuracy: float  # of the new model
    images: int
    difference: float  # of the accuracies, in [-1, 1]; below 0 the new model is worse
    low: float  # where the difference's 95 % interval begins
    high: float  # where it ends
    p_value: float  # of McNemar's exact test, in (0, 1]


@dataclass(frozen=True)
class Deployment:
    """An endpoint in service and how well it does on the test images."""

    endpoint_name: str
    endpoint_config_name: str  # a new one with each deployment, which voids the results of later steps
    test_accuracy: float  # in [0, 1], share of test_images
    test_images: int
    capture_percentage: int  # of the requests, whose input and output are captured
    comparison: Comparison | None = None  # None when there was no model in service to compare with


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

    When the result differs from the earlier one, or that is lost, the results of all later steps are deleted: they were
    derived from the replaced result, and a model of other classes must not be deployed.
    """
    fields = json.loads(json.dumps(asdict(result)))
    earlier = _read(directory, step)
    if earlier is None or earlier["result"] != fields:
        for later in STEPS[STEPS.index(step) + 1 :]:
            _path(directory, later).unlink(missing_ok=True)
    path = _path(directory, step)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(path, json.dumps({"seconds": round(seconds, 1), "result": fields}, indent=2) + "\n")


def load(directory: Path, step: str, kind: type[Result]) -> Result:
    """Return the result of the last run of `step`.

    Raises:
        StepNotRunError: The step was not run, its file is empty or damaged, or a version of this project with other
            fields wrote the result.
    """
    path, remedy = _path(directory, step), f"run `python training/run.py {step}`"
    saved = _read(directory, step)
    if saved is None and path.exists():
        raise StepNotRunError(f"{path}, the result of {step}, is empty or damaged: {remedy} again.")
    if saved is None:
        raise StepNotRunError(f"The step {step} has no result in {directory}: {remedy} first.")
    hints = get_type_hints(kind)
    fields: Any = saved["result"]
    if fields.keys() != hints.keys():
        raise StepNotRunError(f"The result of {step} in {directory} was written by another version: {remedy}.")
    values: Any = {name: _from_json(value, hints[name]) for name, value in fields.items()}
    wrong = [name for name, value in values.items() if not _fits(value, hints[name])]
    if wrong:
        raise StepNotRunError(f"{path}, the result of {step}, has no usable {wrong[0]}: {remedy} again.")
    return kind(**values)


def seconds_of(directory: Path, step: str) -> float | None:
    """Return the duration of the last run of `step`, None when it was not run."""
    saved = _read(directory, step)
    return float(saved["seconds"]) if saved else None


def _path(directory: Path, step: str) -> Path:
    return directory / "results" / f"{step}.json"


def _read(directory: Path, step: str) -> dict[str, Any] | None:
    """Return what is saved of a step, None when that is missing or damaged."""
    path = _path(directory, step)
    try:
        saved = json.loads(path.read_bytes()) if path.exists() else None
    except (ValueError, RecursionError):  # ValueError: no JSON, or no UTF-8
        return None
    whole = isinstance(saved, dict) and isinstance(saved.get("result"), dict) and _fits(saved.get("seconds"), float)
    return saved if whole else None


def _from_json(value: Any, kind: Any) -> Any:
    """Return a field's value: tuples come as lists, and results within a result as objects."""
    if isinstance(value, list):
        return tuple(value)
    nested = next((one for one in get_args(kind) if is_dataclass(one)), None)
    if isinstance(value, dict) and nested is not None:
        hints = get_type_hints(nested)
        whole = value.keys() == hints.keys() and all(_fits(value[name], hints[name]) for name in hints)
        return nested(**value) if whole else value  # type: ignore[operator]  # is_dataclass() may also be an instance
    return value


def _fits(value: Any, kind: Any) -> bool:
    """Tell whether a value is one of a field's type: a text, a number, a tuple of one of them, or a result or None."""
    if get_origin(kind) is UnionType:
        return isinstance(value, kind)
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_fits(item, get_args(kind)[0]) for item in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind
