"""The monitor step: collects what the endpoint captured during the test step and writes the report on it."""

import io
import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console

from training.config import CAPTURE_PREFIX, Stack, local_path
from training.dataset.index import read_index
from training.errors import CaptureError
from training.report import capture, page, plots
from training.results import Dataset, Deployment, Executions, Monitoring, TrainedModel

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TIMEOUT = 300.0  # seconds; data capture on AWS can take a few minutes
DOTS_PER_INCH = 160
Plot = Callable[[pd.DataFrame, float, tuple[str, ...]], Figure]
FIGURES: tuple[Plot, ...] = (plots.confidence_over_time, plots.confidence_histograms)
LABELLED_FIGURES: tuple[Plot, ...] = (plots.confusion_matrix, plots.accuracy_and_coverage)


def monitor(
    stack: Stack,
    dataset: Dataset,
    model: TrainedModel,
    deployment: Deployment,
    executions: Executions,
    directory: Path,
    s3: "S3Client",
    console: Console,
    timeout: float = TIMEOUT,
) -> Monitoring:
    """Write `report.html`, its figures as PNG and `inferences.csv` to `directory`.

    Args:
        timeout: In seconds, how long to wait for inferences that have not reached the bucket yet.

    Raises:
        CaptureError: Nothing was captured since the executions started, or it cannot be read.
    """
    images = capture.known_images(read_index(dataset.directory))
    expected = expected_records(executions.started - executions.failed, deployment.capture_percentage)
    since = datetime.fromisoformat(executions.started_at)
    captured = capture.wait_for(
        s3, stack.bucket, stack.endpoint_name, since, set(images["inference_id"]), expected, timeout, console
    )
    if not captured:
        raise CaptureError(
            f"Nothing was captured in s3://{stack.bucket}/{CAPTURE_PREFIX}/{stack.endpoint_name}/ since "
            f"{executions.started_at}: see that the endpoint's data capture is on and run the test step again."
        )
    inferences = capture.join(captured, images, dataset.classes, stack.confidence_threshold)
    subject = page.Subject(
        stack, dataset, model, deployment, executions, inferences, expected, _image_files(dataset, images)
    )
    path = _write(subject, directory)
    return Monitoring(report=str(path), records=len(inferences))


def expected_records(inferences: int, capture_percentage: int) -> int:
    """Return how many records to wait for: all, or of a sample the least that chance makes likely (3 sigma)."""
    captured = capture_percentage / 100
    return max(1, math.floor(inferences * captured - 3 * math.sqrt(inferences * captured * (1 - captured))))


def _image_files(dataset: Dataset, images: pd.DataFrame) -> dict[str, Path]:
    return {key: local_path(dataset.directory, key) for key in images["s3_key"]}


def _write(subject: page.Subject, directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for plot in (*FIGURES, *LABELLED_FIGURES):  # an earlier report may have had labels that this one has not
        (directory / f"{plot.__name__}.png").unlink(missing_ok=True)
    subject.inferences.to_csv(directory / "inferences.csv", index=False)
    pictures = _pictures(subject)
    for name, png in pictures.items():
        (directory / f"{name}.png").write_bytes(png)
    path = directory / "report.html"
    path.write_text(page.render(subject, pictures), encoding="utf-8")
    return path


def _pictures(subject: page.Subject) -> dict[str, bytes]:
    """Return the figures as PNG, without those that need labels when there are none."""
    labelled = subject.inferences["true_class"].notna().any()
    threshold, classes = subject.stack.confidence_threshold, subject.dataset.classes
    pictures = {}
    for plot in (*FIGURES, *LABELLED_FIGURES) if labelled else FIGURES:
        buffer = io.BytesIO()
        plot(subject.inferences, threshold, classes).savefig(buffer, format="png", dpi=DOTS_PER_INCH)
        pictures[plot.__name__] = buffer.getvalue()
    return pictures
