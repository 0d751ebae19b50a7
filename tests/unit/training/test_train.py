from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError

from training import train
from training.results import Dataset

DATASET = Dataset("runs/s/dataset", "photos", ("bicycle", "car", "motorcycle"), (3, 32, 32), 90, 10, 20, "f")
LINES = [
    "Start training",
    "Epoch[0] Train-accuracy=0.500000",
    "Epoch[0] Time cost=1.2",
    "Epoch[0] Validation-accuracy=0.900000",
    "Epoch[1] Train-accuracy=0.800000",
    "Epoch[1] Validation-accuracy=0.850000",
]


class Logs:
    """One log stream, two events a page; as on AWS the last page's token is the one that was sent."""

    def __init__(self, lines: list[str], stream: str = "job-1/algo-1-1") -> None:
        self.lines = lines
        self._stream = stream

    def describe_log_streams(self, logGroupName: str, logStreamNamePrefix: str) -> dict[str, Any]:
        assert logGroupName == "/aws/sagemaker/TrainingJobs"
        found = [self._stream] if self._stream.startswith(logStreamNamePrefix) else []
        return {"logStreams": [{"logStreamName": name} for name in found]}

    def get_log_events(self, nextToken: str = "0", **_: Any) -> dict[str, Any]:
        start = int(nextToken)
        page = self.lines[start : start + 2]
        return {"events": [{"message": line} for line in page], "nextForwardToken": str(start + len(page))}


def reader(logs: Any) -> train.MetricReader:
    return train.MetricReader(logs, "job-1")


def test_required_hyperparameters_come_from_the_data() -> None:
    options = train.TrainingOptions("ml.g4dn.xlarge", 60, 0, {"epochs": "3"})
    assert train.hyperparameters(DATASET, options) == {
        "num_classes": "3", "num_training_samples": "90", "image_shape": "3,32,32", "epochs": "3",
    }  # fmt: skip


def test_channels_keep_images_and_lists_apart() -> None:
    uris = {c.channel_name: c.data_source.s3_data_source.s3_uri for c in train.channels("photos")}
    assert uris == {
        "train": "s3://photos/images/train/",
        "validation": "s3://photos/images/validation/",
        "train_lst": "s3://photos/lists/train.lst",
        "validation_lst": "s3://photos/lists/validation.lst",
    }


def test_metrics_are_read_from_every_page_once() -> None:
    metrics = reader(Logs(LINES))
    metrics.read()
    metrics.read()
    frame = metrics.frame()
    assert len(frame) == 4
    assert frame.loc[frame["metric"] == "validation:accuracy", "value"].tolist() == [0.9, 0.85]


def test_metrics_are_shown_as_they_come() -> None:
    logs = Logs(LINES[:4])
    metrics = reader(logs)
    metrics.read()
    assert metrics.latest() == "epoch 0: train accuracy 0.500, validation accuracy 0.900"
    logs.lines = LINES
    metrics.read()
    assert metrics.latest() == "epoch 1: train accuracy 0.800, validation accuracy 0.850"


def test_a_log_of_another_job_is_not_read() -> None:
    metrics = reader(Logs(LINES, stream="job-10/algo-1-1"))
    metrics.read()
    assert metrics.latest() == ""


def test_a_log_that_may_not_be_read_is_no_failure() -> None:
    class Forbidden:
        def describe_log_streams(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeLogStreams")

    metrics = reader(Forbidden())
    metrics.read()
    assert metrics.frame().empty


def test_the_validation_accuracy_is_the_best_epoch_s() -> None:
    metrics = reader(Logs(LINES))
    metrics.read()
    assert train.validation_accuracy(metrics.frame(), SimpleNamespace()) == 0.9


def test_the_epoch_that_the_algorithm_kept_goes_before_the_best_one() -> None:
    metrics = reader(Logs([*LINES, "Kept epoch 1: validation accuracy 0.8500, temperature 0.600."]))
    metrics.read()
    assert train.validation_accuracy(metrics.frame(), SimpleNamespace()) == 0.85


def test_without_a_log_the_final_metric_is_taken() -> None:
    final = [
        SimpleNamespace(metric_name="train:accuracy", value=1.0),
        SimpleNamespace(metric_name="validation:accuracy", value=0.7),
    ]
    job = SimpleNamespace(final_metric_data_list=final)
    assert train.validation_accuracy(pd.DataFrame(columns=["epoch", "metric", "value"]), job) == pytest.approx(0.7)
