"""Scope: every table of the steps fits a terminal of 80 columns and loses nothing there, whatever the names are."""

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from rich.console import RenderableType

from tests.unit.training.checks.evidence import ALL_WRONG, DRIFTED, drift
from tests.unit.training.fakes import STACK
from training import executions, summary
from training.batch import step as batch
from training.batch.verdicts import Outcomes
from training.checks import table as checks
from training.checks.limits import Limits
from training.checks.verdict import as_json, judge
from training.console import PlainConsole
from training.costs import table as costs
from training.costs.estimate import Estimate, Line
from training.dataset import outcomes, overview
from training.preflight import check as preflight
from training.running import RunningEndpoint
from training.statistics.intervals import quantile
from training.status import table as status
from training.status.parts import Job, Status, Stored
from training.threshold import tables as thresholds
from training.threshold.sentences import missing_sentence
from training.threshold.thresholds import Aim, Costs, Row, rows
from training.traffic import figures, live
from training.traffic.photos import Photo
from training.traffic.records import ACCEPTED, FAILED, REFUSED, Record
from training.traffic.script import Content, Item

CLASSES = tuple(f"articulated_lorry_of_the_kind_{number:02}_with_a_trailer" for number in range(12))
ENDPOINT = "image-classification-of-delivery-vehicles-" + "e" * 5  # 47 characters
ERROR = "TheEndpointCouldNotDecodeTheImageBecauseItsBytesAreDamaged" + "E" * 2  # 60 characters
LONG_STACK = replace(STACK, name=ENDPOINT, endpoint_name=ENDPOINT, bucket=f"{ENDPOINT[:43]}-us-east-1-photos")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def of_executions() -> RenderableType:
    errors = ["", "ThresholdConfidenceNotMetError", ERROR]
    table = pd.DataFrame({"outcome": ["succeeded", "below threshold", "timed out"], "error": errors})
    return executions.outcome_table(pd.concat([table.assign(seconds=1234.5)] * 100))


def of_summary() -> RenderableType:
    classes = {"classes": list(CLASSES), "train": 100_000, "validation": 10_000, "test": 20_000}
    return summary.table(
        {
            "dataset": classes,
            "training": {"job": f"{ENDPOINT}-20261121-101112", "validation_interval": [0.8, 0.9]},
            "endpoint": {"name": ENDPOINT, "test_accuracy": 0.123456, "test_images": 20_000},
            "verdict": as_json(judge(ALL_WRONG, Limits())),
            "report": f"/home/somebody/projects/{ENDPOINT}/runs/{ENDPOINT}/report/report.html",
        }
    )


def of_traffic() -> list[Record]:
    outcomes = ((ACCEPTED, ""), (REFUSED, ""), (FAILED, ERROR), ("unanswered", ""))
    changes = ("none", "darkness 0.25+contrast 0.55+rotation 15+unseen-class", "JPEG quality 10")
    return [one for end in outcomes for change in changes for one in [record(*end, change)] * 1500]


def of_change() -> RenderableType:
    return figures.change_table(of_traffic())


def record(outcome: str, error: str, change: str) -> Record:
    content = Content(Photo("a.png", CLASSES[0], b""), change, b"", ".png")
    confidence, seconds = (0.987654, 1234.5) if outcome == ACCEPTED else (float("nan"), 12.3)
    return Record(Item(1, 0.0, content), "k", NOW, 0.0, 0.1, seconds, outcome, CLASSES[0], confidence, error)


def of_tally() -> RenderableType:
    tally = live.Tally(1_000_000)
    for error in (ERROR, ERROR[::-1], "ThrottlingException"):
        tally.done(record(FAILED, error, "none"))
    return live.grid(tally.figures())


def of_batch() -> RenderableType:
    errors = Counter({ERROR: 1_000_000, "ThrottlingException": 12})
    return batch.outcome_table(Outcomes(10_000_000, 8_000_000, 1_000_000, errors))


def of_status() -> RenderableType:
    endpoint = RunningEndpoint(ENDPOINT, "InService", {"ml.g4dn.12xlarge": 12}, NOW, 12.3, NOW + timedelta(days=3))
    job = Job(f"{ENDPOINT}-20261121-101112", "InProgress", "ml.g4dn.12xlarge", 1, NOW, 1e5, 1234.5)
    stored = {f"{prefix}/": Stored(10**7, 10**13) for prefix in ("captured", "images", ENDPOINT)}
    schedules = {f"{ENDPOINT}-expiry": NOW}
    found = Status(LONG_STACK, [endpoint] * 2, schedules, "cron(0 6 * * ? *)", [job], stored, NOW)
    return status.table(found, f"python training/run.py cleanup --stack-name {ENDPOINT}")


def of_checks() -> RenderableType:
    many = tuple(drift(f"p_{name}", 1e-9, 0.6) for name in CLASSES)
    slow = quantile([12345.6 + number for number in range(200)], 0.95)
    run = replace(DRIFTED, drift=many, latency=slow, captured=9_000_000, expected=10_000_000)
    return checks.table(judge(run, Limits(min_refused_share=0.01, max_latency=10_000)))


def of_thresholds(photos: int = 20_000) -> list[Row]:
    random = np.random.default_rng(0)
    names, confidence = random.choice(CLASSES, photos), random.uniform(0.1, 1, photos)
    wrong = random.random(photos) < (1 - confidence) / 3
    table = pd.DataFrame({"true_class": np.where(wrong, "x", names), "predicted_class": names})
    return rows(table.assign(confidence=confidence), 12, 0.9375, Aim(0.02, 0.995, Costs(1e6, 1e3)))


def of_held_out() -> RenderableType:
    title = f"20,000 photos held out of the training of {ENDPOINT}-20261121-101112, answered by epoch 89; * is deployed"
    return thresholds.table(of_thresholds(), title, 0.9375)


def of_classes() -> RenderableType:
    found = of_thresholds(1000)
    return thresholds.class_table(dict.fromkeys(CLASSES, found), dict.fromkeys(CLASSES, missing_sentence(found)))


def of_estimate() -> RenderableType:
    name = "endpoint, until it is deleted"
    lines = (
        Line(name, f"2 x ml.g4dn.12xlarge for 720 h, {ENDPOINT}", 123_456.78, in_total=False),
        Line(name, "1", None),
    )
    return costs.table(Estimate("ap-southeast-2", lines))


def of_preflight() -> RenderableType:
    subject, caller = "permissions of the caller", f"arn:aws:sts::123456789012:assumed-role/{ENDPOINT}/{ENDPOINT}"
    found = [
        preflight.passed(subject, caller),
        preflight.not_checked("quota ml.g4dn.12xlarge for endpoint usage", ERROR),
    ]
    return preflight.table([*found, preflight.problem(f"name {ENDPOINT}", f"{caller} may not do it", "allow it")])


def of_lost_files() -> RenderableType:
    names = [f"{CLASSES[0]}/{number}{'n' * 7}.jpg" for number in range(4)]  # 60 characters
    reason = "the same photo as another one, in another class"
    lost = pd.DataFrame({"file": names, "outcome": outcomes.LEFT_OUT, "reason": [reason] * 3 + [ERROR]})
    return outcomes.summary(lost)


def of_dataset() -> RenderableType:
    index = pd.DataFrame(
        [
            {"label": label, "class_name": name * 2, "split": split}
            for label, name in enumerate(CLASSES)
            for split in ("train", "validation", "test")
            for _ in range(100)
        ]
    )
    return overview.table(index, 512)


TABLES: dict[str, Callable[[], RenderableType]] = {
    "executions": of_executions,
    "summary": of_summary,
    "traffic": lambda: figures.outcome_table(of_traffic()),
    "changes": of_change,
    "tally": of_tally,
    "batch": of_batch,
    "status": of_status,
    "checks": of_checks,
    "thresholds": of_held_out,
    "cost of thresholds": lambda: thresholds.cost_table(of_thresholds()),
    "thresholds of classes": of_classes,
    "costs": of_estimate,
    "preflight": of_preflight,
    "files left out": of_lost_files,
    "dataset": of_dataset,
}


def shown(table: RenderableType, width: int) -> str:
    console = PlainConsole(file=io.StringIO(), width=width)
    console.print(table)
    output: str = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    return output


def letters(text: str) -> Counter[str]:
    """Return how often each character occurs, without spaces and the lines of tables."""
    return Counter(one for one in text if not one.isspace() and not "\u2500" <= one <= "\u257f")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_fits_80_columns_and_loses_nothing(name: str) -> None:
    narrow, wide = shown(TABLES[name](), 80), shown(TABLES[name](), 1000)
    assert max(map(len, narrow.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in narrow
    assert letters(narrow) == letters(wide)
