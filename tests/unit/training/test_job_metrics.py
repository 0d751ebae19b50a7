"""The metrics of a training job: what is read from its log, and what counts as the validation accuracy."""

import math
import re
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fakes import Logs, client_error, refuse
from training.job_metrics import Epoch, MetricReader, Validated, validated
from training.programs.own import METRIC_DEFINITIONS

LINES = [
    "Start training",
    "Epoch[0] Train-accuracy=0.500000",
    "Epoch[0] Time cost=1.2",
    "Epoch[0] Validation-accuracy=0.900000",
    "Epoch[1] Train-accuracy=0.800000",
    "Epoch[1] Validation-accuracy=0.850000",
]


def reader(logs: Any, planned: int | None = None) -> MetricReader:
    return MetricReader(logs, "job-1", planned)


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
    assert metrics.epochs() == [Epoch(0, {"train": 0.5, "validation": 0.9})]
    logs.lines = LINES
    metrics.read()
    assert metrics.epochs()[1:] == [Epoch(1, {"train": 0.8, "validation": 0.85})]


def test_a_log_of_another_job_is_not_read() -> None:
    metrics = reader(Logs(LINES, stream="job-10/algo-1-1"))
    metrics.read()
    assert metrics.epochs() == []


def test_the_number_of_epochs_is_the_requests_unless_the_log_has_one() -> None:
    asked = reader(Logs(LINES), 30)
    asked.read()
    logged = reader(Logs(["Training for 120 epochs.", *LINES]), 30)
    logged.read()
    assert (asked.planned, logged.planned, reader(Logs([])).planned) == (30, 120, None)


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


KEPT = "Kept epoch 3, temperature 0.600: accuracy on 80 unseen images 0.8500 (0.7562 to 0.9118), by epoch 1."
EMPTY = pd.DataFrame(columns=["epoch", "metric", "value"])


def test_the_validation_accuracy_of_the_built_in_algorithm_is_the_best_epoch_s() -> None:
    metrics = reader(Logs(LINES))
    metrics.read()
    assert validated(metrics.frame(), SimpleNamespace(final_metric_data_list=None)) == Validated(0.9)


def test_our_algorithm_says_what_it_recognises_of_unseen_photos() -> None:
    metrics = reader(Logs([*LINES, KEPT]))
    metrics.read()
    found = validated(metrics.frame(), SimpleNamespace(final_metric_data_list=None))
    assert found == Validated(0.85, (0.7562, 0.9118), 80)
    assert set(metrics.frame().query("metric.str.startswith('unseen')")["epoch"]) == {3}


def final(line: str) -> SimpleNamespace:
    """Return a job with the final metrics that SageMaker finds in a line with the definitions of the request."""
    found = {name: re.search(regex, line) for name, regex in METRIC_DEFINITIONS.items()}
    metrics = [SimpleNamespace(metric_name=name, value=float(match[1])) for name, match in found.items() if match]
    return SimpleNamespace(final_metric_data_list=metrics)


def test_without_a_log_the_final_metrics_are_taken() -> None:
    assert validated(EMPTY, final(KEPT)) == Validated(0.85, (0.7562, 0.9118), 80)
    assert validated(EMPTY, final("Epoch[4] Validation-accuracy=0.7")) == Validated(0.7)


def test_without_a_log_and_final_metrics_the_accuracy_is_unknown() -> None:
    assert math.isnan(validated(EMPTY, final("")).accuracy)
