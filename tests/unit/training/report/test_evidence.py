"""Scope: what the checks need to know is counted from the table of inferences and from the files of the steps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tests.unit.training.fakes import RESULTS
from tests.unit.training.report.tables import CLASSES, FEW
from training.csv_files import write_csv
from training.report import evidence
from training.statistics.intervals import Share


def test_inferences_are_counted_by_true_and_predicted_class() -> None:
    found = evidence.of_inferences(FEW, CLASSES, expected=8)
    assert (found.classes, found.captured, found.expected, found.refused) == (CLASSES, 6, 8, 2)
    assert found.answers == {
        ("bicycle", "bicycle"): 2,
        ("bicycle", "motorcycle"): 1,
        ("motorcycle", "motorcycle"): 1,
        ("motorcycle", "bicycle"): 1,
        (None, "motorcycle"): 1,
    }


def test_a_photo_that_gets_the_same_answer_again_is_counted_once() -> None:
    again = pd.concat([FEW, FEW, FEW.iloc[:1].assign(predicted_class="motorcycle")])
    found = evidence.of_inferences(again, CLASSES, expected=13)
    once = evidence.of_inferences(FEW, CLASSES, expected=6).answers
    assert found.answers == {**once, ("bicycle", "motorcycle"): 2, (None, "motorcycle"): 2}
    assert (found.captured, found.refused) == (13, 4)


def test_the_test_accuracy_becomes_counts() -> None:
    deployment = replace(RESULTS.deployment, test_accuracy=0.9625, test_images=80)
    assert evidence.tested(deployment) == Share(77, 80)
    assert evidence.tested(replace(deployment, test_images=0)) is None


def test_refusals_are_no_failures() -> None:
    executions = replace(RESULTS.executions, started=10, succeeded=6, below_threshold=3, failed=1)
    assert evidence.failed(executions) == Share(1, 10)


def test_the_latency_is_that_of_the_executions_that_were_started(tmp_path: Path) -> None:
    seconds = [*np.arange(1.0, 21.0), np.nan]
    write_csv(pd.DataFrame({"name": "x", "outcome": "succeeded", "seconds": seconds}), tmp_path / "executions.csv")
    found = evidence.latency(tmp_path / "executions.csv")
    assert found is not None and (found.value, found.cases) == (19.0, 20)


def test_damaged_tables_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    assert evidence.latency(path) is None and evidence.metrics(path) is None
    for content in ("", "seconds\r\nsoon\r\n", "seconds\r\n\r\n", "other\r\n1\r\n", "\x00"):
        path.write_text(content)
        assert evidence.latency(path) is None and evidence.metrics(path) is None
        assert evidence.commonest_error(path) == ""


def test_metrics_without_an_accuracy_make_no_curve(tmp_path: Path) -> None:
    path, rows = tmp_path / "metrics.csv", [(0, "train:cross-entropy", 0.5), (0, "train:accuracy", 0.75)]
    write_csv(pd.DataFrame(rows, columns=["epoch", "metric", "value"]), path)
    found = evidence.metrics(path)
    assert found is not None and found["value"].tolist() == [0.5, 0.75]
    write_csv(pd.DataFrame(rows[:1], columns=["epoch", "metric", "value"]), path)
    assert evidence.metrics(path) is None
