import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from training import summary
from training.config import Stack
from training.results import Comparison, Dataset, Deployment, Executions, Monitoring, TrainedModel, save

STACK = Stack("s", "us-east-1", "photos", "arn:role", "scones", "arn:machine", 0.93)


def test_all_steps_make_the_documented_object(tmp_path: Path) -> None:
    save(tmp_path, "stage", Dataset("d", "photos", ("bicycle", "motorcycle"), (3, 32, 32), 90, 10, 20, "f"), 1)
    save(tmp_path, "train", TrainedModel("job", "s3://b/m", "image", 0.95, 60.0), 70)
    save(tmp_path, "deploy", Deployment("scones", "config", 0.96, 20, 100), 5)
    save(tmp_path, "test", Executions(5, 4, 1, 0, "2026-01-01T00:00:00+00:00"), 9)
    save(tmp_path, "monitor", Monitoring("runs/s/report/report.html"), 3)
    assert summary.collect(tmp_path, STACK) == {
        "dataset": {"classes": ["bicycle", "motorcycle"], "train": 90, "validation": 10, "test": 20},
        "training": {"job": "job", "validation_accuracy": 0.95, "seconds": 60.0},
        "endpoint": {"name": "scones", "test_accuracy": 0.96, "test_images": 20},
        "threshold": 0.93,
        "executions": {"started": 5, "succeeded": 4, "below_threshold": 1, "failed": 0},
        "seconds": {"stage": 1, "train": 70, "deploy": 5, "test": 9, "monitor": 3},
        "report": "runs/s/report/report.html",
    }


def test_the_verdict_is_that_of_the_report(tmp_path: Path) -> None:
    verdict = {"state": "stop", "why": "0 of 200 are right", "action": "Do not use its answers.", "checks": []}
    record = {"since": "a", "until": "b", "model": "job", "verdict": verdict, "figures": {}, "previous": None}
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.json").write_text(json.dumps(record))
    save(tmp_path, "monitor", Monitoring(str(tmp_path / "report" / "report.html")), 3)
    figures = summary.collect(tmp_path, STACK)
    assert figures["verdict"] == verdict
    console = Console(width=80, record=True, file=(tmp_path / "out").open("w"))
    with console.file:
        console.print(summary.table(figures))
    assert "verdict    stop" in console.export_text()


def test_a_comparison_is_among_the_figures(tmp_path: Path) -> None:
    comparison = Comparison("old", 0.9, 0.8, 20, -0.1, -0.3, 0.1, 0.5)
    save(tmp_path, "deploy", Deployment("scones", "config", 0.8, 20, 100, comparison), 5)
    figures = summary.collect(tmp_path, STACK)
    assert figures["comparison"]["model_in_service"] == "old"
    assert "difference -0.1, low -0.3, high 0.1, p value 0.5" in summary.phrase(figures["comparison"])


def test_how_certain_the_validation_accuracy_is_goes_with_it(tmp_path: Path) -> None:
    model = TrainedModel(
        "job", "s3://b/m", "image", 0.95, 60.0, validation_interval=(0.93, 0.9612), validation_images=900
    )
    save(tmp_path, "train", model, 70)
    figures = summary.collect(tmp_path, STACK)
    assert figures["training"]["validation_interval"] == [0.93, 0.9612]
    assert figures["training"]["validation_images"] == 900
    assert "validation accuracy 0.95, validation interval 0.93/0.9612, " in summary.phrase(figures["training"])


def test_only_what_was_run_is_told(tmp_path: Path) -> None:
    assert summary.collect(tmp_path, STACK) == {"threshold": 0.93, "seconds": {}}


def test_the_table_shows_the_figures(tmp_path: Path) -> None:
    save(tmp_path, "deploy", Deployment("scones", "config", 0.9625, 80, 100), 5)
    console = Console(width=120, record=True, file=(tmp_path / "out").open("w"))
    with console.file:
        console.print(summary.table(summary.collect(tmp_path, STACK)))
    assert "test accuracy 0.9625" in console.export_text()


@pytest.mark.parametrize(("stack_name", "option"), [("scones-unlimited", ""), ("mine", " --stack-name mine")])
def test_the_next_commands_work_in_a_new_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack_name: str, option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    report = Path("runs") / stack_name / "report" / "report.html"
    assert summary.next_commands(str(report), stack_name) == [
        "source .venv/bin/activate",
        f"python -m webbrowser {(tmp_path / report).as_uri()}",
        f"python training/run.py cleanup{option}",
    ]


def test_outside_a_virtual_environment_there_is_none_to_activate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert len(summary.next_commands("report.html", "mine")) == 2


def test_another_virtual_environment_is_named_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "a b"))
    assert summary.activation() == [f"source '{tmp_path}/a b/bin/activate'"]
