"""The step `threshold`: what it prints, writes and returns."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from tests.unit.training.fakes import make_context, printed
from tests.unit.training.threshold.test_evidence import answer, review
from tests.unit.training.threshold.test_thresholds import photos
from training.console import PlainConsole
from training.context import Context
from training.csv_files import write_csv
from training.options import ThresholdOptions
from training.predictions import FILENAME, KEPT
from training.threshold.step import choose


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return replace(make_context(tmp_path), console=PlainConsole(file=io.StringIO(), width=80))


def run(context: Context, table: pd.DataFrame, **options: Any) -> dict[str, Any]:
    path = context.directory / "p.csv"
    write_csv(table, path)
    return choose(context, ThresholdOptions(predictions=str(path), **options))


def test_a_proven_threshold_is_shown_with_the_commands_that_deploy_it(context: Context) -> None:
    found = run(context, photos((0.99, 200, 0), (0.9, 40, 0), (0.6, 10, 20)))
    assert found["held_out"]["proven"]["threshold"] == 0.65
    assert found["held_out"]["missing"] is None
    deploy = "sam deploy --stack-name s --parameter-overrides ConfidenceThreshold=0.65"
    assert found["held_out"]["commands"][0] == f"sam build && {deploy}"
    assert f"  sam build && {deploy}\n" in printed(context)
    assert found["held_out"]["commands"][1] == f"sam build && {deploy.replace('--stack', '--config-env local --stack')}"
    assert "Proven: at 0.65, less than 2 % of the accepted photos are wrong (0 of 240" in printed(context)


def test_what_is_missing_is_said(context: Context) -> None:
    found = run(context, photos((0.97, 107, 0), (0.6, 50, 43)))
    expected = (
        "Nothing is proven: 2 % with 95 % confidence needs 149 accepted without an error, has 107 (at 0.97): "
        "label about 279 photos in all."
    )
    assert found["held_out"]["missing"] == expected
    assert found["held_out"]["commands"] == []
    assert expected in " ".join(printed(context).split())


def test_the_threshold_of_least_cost_is_shown_with_its_interval(context: Context) -> None:
    found = run(context, photos((0.99, 100, 0), (0.9, 91, 9)), cost_of_error=10.0, cost_of_review=1.0)
    row = found["held_out"]["least_cost"]
    assert (row["threshold"], row["cost_per_1000"]) == (0.9, 450)
    assert row["cost_per_1000_low"] < 450 < row["cost_per_1000_high"]
    assert "Least cost: at 0.9, 1,000 photos cost 450" in printed(context)


def test_all_that_is_printed_fits_a_terminal(context: Context) -> None:
    many = photos((0.995, 41_234, 103), (0.94, 31_000, 2_011), (0.6, 20_202, 9_999))
    run(context, many, cost_of_error=1234.5, cost_of_review=0.5, per_class=True)
    lines = [line for line in printed(context).splitlines() if not line.startswith("  ")]  # commands are not wrapped
    assert max(map(len, lines)) <= 80
    assert "…" not in printed(context)
    assert "0.93*" in printed(context)


def test_the_table_and_the_figure_are_written(context: Context) -> None:
    found = run(context, photos((0.99, 200, 0), (0.9, 39, 1)))
    directory = Path(found["results"])
    table = pd.read_csv(directory / "threshold.csv")
    line = table[table["threshold"] == 0.9].iloc[0]
    assert (line["evidence"], line["accepted"], line["errors"], line["coverage"]) == ("held out", 240, 1, 1.0)
    assert bool(line["proven"])
    with Image.open(directory / "threshold.png") as figure:
        assert figure.width > 800


def test_the_figures_are_json(context: Context) -> None:
    json.dumps(run(context, photos((0.6, 2, 1)), per_class=True), allow_nan=False)


def test_classes_share_what_may_be_wrongly_proven(context: Context) -> None:
    """For two classes at 95 %, each needs 183 photos without an error in place of 149."""
    enough, few = photos((0.99, 183, 0)), photos((0.99, 182, 0)).assign(predicted_class="b", true_class="b")
    found = run(context, pd.concat([enough, few]), per_class=True)["held_out"]["classes"]
    assert found["a"]["proven"]["threshold"] == 0.5
    assert found["b"]["proven"] is None
    assert "needs 183 accepted without an error, has 182" in found["b"]["missing"]
    assert "the workflow has one threshold" in printed(context)


def test_reviewed_photos_are_shown_apart(context: Context) -> None:
    table = photos((0.99, 4, 0)).assign(time="2026-01-01T00:00:00+00:00", model="m", s3_key="")
    write_csv(table[[*KEPT]], context.directory / FILENAME)
    review(context, *(answer(number, "accepted", 1.0) for number in range(160)))
    found = choose(context, ThresholdOptions())
    assert (found["held_out"]["photos"], found["reviewed"]["photos"]) == (4, 160)
    assert found["reviewed"]["proven"]["threshold"] == 0.5
    assert set(pd.read_csv(Path(found["results"]) / "threshold.csv")["evidence"]) == {"held out", "reviewed"}
