"""A run's directory as it is handed to scheduled runs, and captures in moto's bucket."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.unit.training.fakes import RESULTS
from training.algorithm.photo_statistics import STATISTICS
from training.checks.limits import Limits
from training.config import Stack, inference_id
from training.context import Context
from training.results import save
from training.watch import settings as settings_file
from training.watch.settings import Settings

TOPIC = "arn:aws:sns:us-east-1:123456789012:s-alerts"
STACK = Stack("s", "us-east-1", "photos", "arn:role", "s", "arn:machine", 0.9, alert_topic_arn=TOPIC)
START = datetime(2026, 5, 4, 12, tzinfo=UTC)
KEYS = [f"images/test/{number}.png" for number in range(100)]


class Told:
    """SNS and CloudWatch: the messages and metrics that were published."""

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []
        self.metrics: list[dict[str, float]] = []

    def publish(self, **message: str) -> None:
        assert message.pop("TopicArn") == TOPIC
        self.messages.append(message)

    def put_metric_data(self, Namespace: str, MetricData: list[dict[str, Any]]) -> None:
        assert Namespace == "scones/s"
        self.metrics.append({one["MetricName"]: one["Value"] for one in MetricData})


def hand_over(directory: Path, stack: Stack = STACK) -> Settings:
    """Write what the steps leave, and hand it over to another directory; returns what is read there."""
    index = [("test", key.rpartition("/")[2], number % 2, ("bicycle", "motorcycle")[number % 2], 0, key)
             for number, key in enumerate(KEYS)]  # fmt: off
    dataset = directory / "dataset"
    dataset.mkdir(parents=True)
    columns = ["split", "filename", "label", "class_name", "row", "s3_key"]
    pd.DataFrame(index, columns=columns).to_csv(dataset / "images.csv", index=False)
    executions = replace(RESULTS.executions, started_at=START.isoformat())
    results = replace(RESULTS, dataset=replace(RESULTS.dataset, directory=str(dataset)), executions=executions)
    save(directory, "stage", results.dataset, 1.0)
    save(directory, "train", results.model, 1.0)
    save(directory, "deploy", results.deployment, 1.0)
    save(directory, "test", results.executions, 1.0)
    (directory / "profiles").mkdir()
    (directory / "profiles" / "s-job.json").write_text(json.dumps(profile()))
    return copy(directory, Settings(stack, Limits(), results))


def copy(directory: Path, settings: Settings) -> Settings:
    there = directory / "there"
    for name, content in settings_file.files_of(directory, settings).items():
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(content)
    return settings_file.read(there)


def profile() -> dict[str, Any]:
    """Return the profile of a model: 60 photos, half of each class."""
    spread = np.random.default_rng(0).normal(0.5, 0.1, 60).round(4).tolist()
    answers = {"labels": [0, 1] * 30, "probabilities": [[0.98, 0.02], [0.05, 0.95]] * 30}
    counts = {"version": 1, "photos": 60, "held_out": 60, "correct": 58, "networks": "epoch 7"}
    return {**counts, **answers, "statistics": dict.fromkeys(STATISTICS, spread)}


def capture(context: Context, first: int, number: int, hour: int = 0, wrong: bool = False) -> None:
    """Capture the inferences of staged photos in one file, a second apart, right ones unless they are `wrong`."""
    begin = START + timedelta(hours=hour, minutes=first % 60)
    lines = [record(begin + timedelta(seconds=each), first + each, wrong) for each in range(number)]
    key = f"captured/s/AllTraffic/{begin:%Y/%m/%d/%H}/{begin:%M-%S}-{first:03}.jsonl"
    context.clients.s3.put_object(Bucket="photos", Key=key, Body="\n".join(lines).encode())


def record(when: datetime, number: int, wrong: bool) -> str:
    said = (number % 2 == 1) != wrong
    probabilities = [0.05, 0.95] if said else [0.98, 0.02]
    data = {"endpointOutput": {"data": json.dumps(probabilities), "encoding": "JSON"}}
    metadata = {
        "eventId": f"e{when:%H%M%S}-{number}",
        "inferenceId": inference_id(KEYS[number]),
        "inferenceTime": f"{when:%Y-%m-%dT%H:%M:%SZ}",
    }
    return json.dumps({"captureData": data, "eventMetadata": metadata})
