"""The key figures of a run, for `--json` and for people."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.table import Table

from training.config import STEPS, Stack
from training.errors import StepNotRunError
from training.results import Dataset, Deployment, Executions, Monitoring, Result, TrainedModel, load, seconds_of


def collect(directory: Path, stack: Stack) -> dict[str, Any]:
    """Return the figures of every step that has been run for this stack."""

    def result(step: str, kind: type[Result]) -> Result | None:
        with suppress(StepNotRunError):
            return load(directory, step, kind)
        return None

    figures: dict[str, Any] = {}
    if dataset := result("stage", Dataset):
        counts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
        figures["dataset"] = {"classes": list(dataset.classes), **counts}
    if model := result("train", TrainedModel):
        figures["training"] = {
            "job": model.training_job_name, "validation_accuracy": model.validation_accuracy, "seconds": model.seconds,
        }  # fmt: skip
    if deployment := result("deploy", Deployment):
        figures["endpoint"] = {
            "name": deployment.endpoint_name, "test_accuracy": deployment.test_accuracy,
            "test_images": deployment.test_images,
        }  # fmt: skip
    figures["threshold"] = stack.confidence_threshold
    if executions := result("test", Executions):
        figures["executions"] = {
            "started": executions.started, "succeeded": executions.succeeded,
            "below_threshold": executions.below_threshold, "failed": executions.failed,
        }  # fmt: skip
    figures["seconds"] = {step: seconds for step in STEPS if (seconds := seconds_of(directory, step)) is not None}
    if monitoring := result("monitor", Monitoring):
        figures["report"] = monitoring.report
    return figures


def table(figures: dict[str, Any]) -> Table:
    """Return the same figures as a table."""
    grid = Table(
        show_header=False, box=None, title="Summary", title_justify="left", title_style="bold", padding=(0, 2, 0, 0)
    )
    for name, value in figures.items():
        grid.add_row(name, words(value))
    return grid


def words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {words(item)}" for name, item in value.items())
    if isinstance(value, list):
        return "/".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
