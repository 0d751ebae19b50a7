"""The key figures of a run, for `--json` and for people."""

import math
import shlex
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from training.config import STEPS, Stack, command
from training.errors import StepNotRunError
from training.report import history
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
        reviewed = {"reviewed": dataset.reviewed} if dataset.reviewed else {}
        figures["dataset"] = {"classes": list(dataset.classes), **counts, **reviewed}
    if model := result("train", TrainedModel):
        figures["training"] = {
            "job": model.training_job_name,
            # The job's log may be forbidden to read; NaN is no JSON.
            "validation_accuracy": None if math.isnan(model.validation_accuracy) else model.validation_accuracy,
            **interval(model),
            "seconds": model.seconds,
        }
    if deployment := result("deploy", Deployment):
        figures["endpoint"] = {
            "name": deployment.endpoint_name,
            "test_accuracy": deployment.test_accuracy,
            "test_images": deployment.test_images,
        }
        if deployment.comparison:
            figures["comparison"] = asdict(deployment.comparison)
    figures["threshold"] = stack.confidence_threshold
    if executions := result("test", Executions):
        figures["executions"] = {
            "started": executions.started,
            "succeeded": executions.succeeded,
            "below_threshold": executions.below_threshold,
            "failed": executions.failed,
        }
    figures["seconds"] = {step: seconds for step in STEPS if (seconds := seconds_of(directory, step)) is not None}
    if monitoring := result("monitor", Monitoring):
        figures["report"] = monitoring.report
        if record := history.read(Path(monitoring.report).parent):
            figures["verdict"] = record["verdict"]
            if found := record.get("reviewed"):
                figures["reviewed"] = found
    return figures


def interval(model: TrainedModel) -> dict[str, Any]:
    """Return how certain the validation accuracy is, {} when that is unknown."""
    if not model.validation_interval:
        return {}
    return {"validation_interval": list(model.validation_interval), "validation_images": model.validation_images}


def table(figures: dict[str, Any]) -> Table:
    """Return the same figures as a table."""
    grid = Table(
        show_header=False, box=None, title="Summary", title_justify="left", title_style="bold", padding=(0, 2, 0, 0)
    )
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in figures.items():
        grid.add_row(name, phrase(value["state"] if name == "verdict" else value))
    return grid


def phrase(value: Any) -> str:
    """Return a figure as a reader's words: names without underscores, four digits of a share."""
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {phrase(item)}" for name, item in value.items())
    if isinstance(value, list):
        return "/".join(map(phrase, value))
    if value is None:
        return "unknown"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def next_commands(report: str, stack_name: str) -> list[str]:
    """Return what to type in a new shell: activate the virtual environment, open the report, clean up."""
    return [
        *activation(),
        shlex.join(["python", "-m", "webbrowser", Path(report).resolve().as_uri()]),
        command("cleanup", stack_name),
    ]


def activation() -> list[str]:
    """Return the command that activates the virtual environment of this process, if it runs in one."""
    if sys.prefix == sys.base_prefix:
        return []
    script = Path(sys.prefix) / "bin" / "activate"
    here = Path.cwd()
    return [shlex.join(["source", str(script.relative_to(here) if script.is_relative_to(here) else script)])]
