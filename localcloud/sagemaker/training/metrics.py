"""An algorithm's metrics: read from its log lines, all sent to CloudWatch, the last values kept."""

import contextlib
import math
import re
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.store import now

NAMESPACE = "/aws/sagemaker/TrainingJobs"
SEND_SECONDS = 5
DATA_AT_ONCE = 1000  # PutMetricData takes no more


def metric_definitions(specification: Mapping[str, Any]) -> dict[str, str]:
    """Return the regular expressions of a request's AlgorithmSpecification, by the names of the metrics."""
    return {one["Name"]: one["Regex"] for one in specification.get("MetricDefinitions", [])}


class MetricWatcher:
    """Watches the log lines of one training job.

    As on AWS, a role that may not put metrics does not fail the job.
    """

    def __init__(self, definitions: Mapping[str, str], cloudwatch: Any, training_job_name: str) -> None:
        self._patterns = {name: re.compile(regex) for name, regex in definitions.items()}
        self._cloudwatch = cloudwatch
        self._dimensions = [{"Name": "TrainingJobName", "Value": training_job_name}]
        self._last: dict[str, dict[str, Any]] = {}
        self._unsent: list[dict[str, Any]] = []
        self._sent = time.monotonic()

    def watch(self, line: str) -> None:
        """Keep the metrics that a line holds."""
        for name, pattern in self._patterns.items():
            if (found := pattern.search(line)) and (value := number(found[1])) is not None:
                datum = {"MetricName": name, "Value": value, "Timestamp": now()}
                self._last[name] = datum
                self._unsent.append({**datum, "Dimensions": self._dimensions})
        if time.monotonic() > self._sent + SEND_SECONDS:
            self.send()

    def send(self) -> None:
        """Send the values that came since the last call."""
        data, self._unsent, self._sent = self._unsent, [], time.monotonic()
        with contextlib.suppress(ClientError, BotoCoreError):
            for start in range(0, len(data), DATA_AT_ONCE):
                self._cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + DATA_AT_ONCE])

    def final(self) -> list[dict[str, Any]]:
        """Return the FinalMetricDataList: the last value of each metric."""
        return list(self._last.values())


def number(text: str | None) -> float | None:
    """Return a finite number, None for any other text: the program prints what it likes."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
