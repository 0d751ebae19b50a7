"""The metrics of a training job, read from its log as they come."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from botocore.exceptions import ClientError
from sagemaker.core.resources import TrainingJob

from training.refusals import is_denied, is_missing

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
ACCURACIES = ("train:accuracy", "validation:accuracy")
# What every algorithm prints: `Epoch[3] Validation-accuracy=0.912500`
METRIC = re.compile(r"Epoch\[(\d+)\] (Train|Validation)-(accuracy|cross-entropy)=(\S+)")
# and what `training/algorithm` adds:
# `Training for 120 epochs.`
PLANNED = re.compile(r"Training for (\d+) epochs\.")
# `Kept epoch 9, temperature 0.600: accuracy on 80 unseen images 0.9500 (0.8783 to 0.9804), by epoch 7.`
KEPT = re.compile(r"Kept epoch (\d+), .* on (\d+) unseen images ([0-9.]+) \(([0-9.]+) to ([0-9.]+)\)")
UNSEEN = ("unseen:images", "unseen:accuracy", "unseen:low", "unseen:high")


@dataclass(frozen=True)
class Epoch:
    """What a job logged of one epoch."""

    number: int  # from 0
    accuracies: Mapping[str, float]  # in [0, 1], by split: train, validation


class MetricReader:
    """Reads the metrics that a training job has logged since the last read."""

    def __init__(self, logs: "CloudWatchLogsClient", training_job_name: str, planned: int | None = None) -> None:
        """Read nothing yet.

        Args:
            planned: How many epochs the job was asked for; None: its log may say so.
        """
        self.planned = planned
        self._logs = logs
        self._prefix = f"{training_job_name}/"
        self._stream = ""
        self._token = ""
        self._rows: list[dict[str, Any]] = []

    def read(self) -> None:
        """Read the lines since the last read; a log that is missing or forbidden counts as empty."""
        try:
            self._stream = self._stream or self._find_stream()
            if self._stream:
                self._read_events()
        except ClientError as err:
            if not is_missing(err) and not is_denied(err):
                raise

    def _find_stream(self) -> str:
        found = self._logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=self._prefix)["logStreams"]
        return found[0]["logStreamName"] if found else ""

    def _read_events(self) -> None:
        while True:
            token: Any = {"nextToken": self._token} if self._token else {}
            page = self._logs.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=self._stream, startFromHead=True, **token
            )
            for event in page["events"]:
                self._rows += metric_rows(event["message"])
                if found := PLANNED.search(event["message"]):
                    self.planned = int(found.group(1))
            if page["nextForwardToken"] == self._token:
                return
            self._token = page["nextForwardToken"]

    def epochs(self) -> list[Epoch]:
        """Return the epochs that have an accuracy, in order; the last one may still be incomplete."""
        found: dict[int, dict[str, float]] = {}
        for row in self._rows:
            if row["metric"] in ACCURACIES:
                found.setdefault(row["epoch"], {})[row["metric"].split(":")[0]] = row["value"]
        return [Epoch(number, found[number]) for number in sorted(found)]

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self._rows, columns=["epoch", "metric", "value"])


def metric_rows(line: str) -> list[dict[str, Any]]:
    """Return the metrics in a log line: epoch (from 0), metric and value."""
    if found := METRIC.search(line):
        epoch, split, name, value = found.groups()
        return [{"epoch": int(epoch), "metric": f"{split.lower()}:{name}", "value": float(value)}]
    if found := KEPT.search(line):
        epoch, *values = found.groups()
        return [
            {"epoch": int(epoch), "metric": name, "value": float(value)}
            for name, value in zip(UNSEEN, values, strict=True)
        ]
    return []


@dataclass(frozen=True)
class Validated:
    """How many of the photos that no network was trained on were recognised."""

    accuracy: float  # in [0, 1]; NaN: unknown
    interval: tuple[float, ...] = ()  # the ends of the 95 % interval; empty: unknown
    images: int = 0  # 0: unknown


def validated(metrics: pd.DataFrame, job: TrainingJob) -> Validated:
    """Return what the log says, or else the job's final metrics.

    The built-in algorithm gives the accuracy of the epoch that was the best on the validation photos, which flatters
    it; that accuracy gets no interval.
    """
    listed = job.final_metric_data_list if isinstance(job.final_metric_data_list, list) else []
    values = {metric.metric_name: float(metric.value) for metric in listed}
    values |= metrics.groupby("metric")["value"].max().to_dict()
    if not set(UNSEEN) <= set(values):
        return Validated(values.get("validation:accuracy", math.nan))
    return Validated(values["unseen:accuracy"], (values["unseen:low"], values["unseen:high"]), int(values[UNSEEN[0]]))
