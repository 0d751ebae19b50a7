"""The metrics of a training job: what is read from its log, and what counts as the validation accuracy."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fakes import Logs, client_error, refuse
from training.job_metrics import MetricReader, validation_accuracy

LINES = [
    "Start training",
    "Epoch[0] Train-accuracy=0.500000",
    "Epoch[0] Time cost=1.2",
    "Epoch[0] Validation-accuracy=0.900000",
    "Epoch[1] Train-accuracy=0.800000",
    "Epoch[1] Validation-accuracy=0.850000",
]


def reader(logs: Any) -> MetricReader:
    return MetricReader(logs, "job-1")


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
            raise client_error("AccessDeniedException")

    metrics = reader(Forbidden())
    metrics.read()
    assert metrics.frame().empty


def test_a_log_that_is_throttled_does_not_count_as_empty() -> None:
    logs = Logs(LINES)
    refuse(logs, "get_log_events", client_error("ThrottlingException"))
    metrics = reader(logs)
    with pytest.raises(ClientError, match="ThrottlingException"):
        metrics.read()
    metrics.read()
    assert len(metrics.frame()) == 4


def test_the_validation_accuracy_is_the_best_epoch_s() -> None:
    metrics = reader(Logs(LINES))
    metrics.read()
    assert validation_accuracy(metrics.frame(), SimpleNamespace()) == 0.9


def test_the_epoch_that_the_algorithm_kept_goes_before_the_best_one() -> None:
    metrics = reader(Logs([*LINES, "Kept epoch 1: validation accuracy 0.8500, temperature 0.600."]))
    metrics.read()
    assert validation_accuracy(metrics.frame(), SimpleNamespace()) == 0.85


def test_without_a_log_the_final_metric_is_taken() -> None:
    final = [
        SimpleNamespace(metric_name="train:accuracy", value=1.0),
        SimpleNamespace(metric_name="validation:accuracy", value=0.7),
    ]
    job = SimpleNamespace(final_metric_data_list=final)
    assert validation_accuracy(pd.DataFrame(columns=["epoch", "metric", "value"]), job) == pytest.approx(0.7)
