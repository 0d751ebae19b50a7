"""Scope: the functions pass a short drill, and the drill finds each kind of fault in functions that have it."""

import random
import re
from pathlib import Path

import pytest

from drill import handlers
from drill.odd_events import odd_event

EVENTS = 1000  # for each function; `make drill` gives ten times as many


def test_every_odd_event_ends_in_an_answer_or_in_a_declared_error() -> None:
    results = handlers.run_all(EVENTS)
    assert {one.function for one in results} == {path.parent.name for path in handlers.FUNCTIONS.glob("*/app.py")}
    assert [(one.events, one.undeclared, one.unseen) for one in results] == [(EVENTS, [], set())] * len(results)


def test_events_derive_from_the_seed() -> None:
    first, second, other = (
        [handlers.shorten(odd_event(rng)) for _ in range(100)] for rng in map(random.Random, (1, 1, 2))
    )
    assert first == second != other


RIGHT = '{"s3_bucket": "b", "s3_key": "k", "image_data": "", "inferences": [0.9, 0.1]}'
HANDLER = """
import logging
class DeclaredError(Exception):
    pass
class UnseenError(Exception):
    pass
def lambda_handler(event, context):
    BODY
"""


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return event['s3_bucket']", "undeclared"),
        ("raise ValueError('value')", "undeclared ValueError: 'value'"),
        (f"return {{'statusCode': 200, 'body': {RIGHT} | {{'s3_key': chr(0xd800)}}}}", "undeclared UnicodeEncodeError"),
        (f"return {{'statusCode': 200, 'body': {RIGHT} | {{'inferences': [1.5, 0]}}}}", "answer without probabilities"),
        (f"return {{'statusCode': 200, 'body': {RIGHT} | {{'inferences': [True, False]}}}}", "answer without prob"),
        (f"return {{'statusCode': 500, 'body': {RIGHT}}}", "answer of another form"),
        ("raise DeclaredError(chr(0xd800))", "DeclaredError with a message that is too long or cannot be sent"),
        ("raise DeclaredError('x' * 10_000)", "DeclaredError with a message that is too long or cannot be sent"),
        ("logging.getLogger().info('photo', extra={'image': 'x' * 10_000})", "undeclared OverflowError: 'a log line"),
    ],
)
def test_the_drill_finds_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, problem: str) -> None:
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "app.py").write_text(HANDLER.replace("BODY", body))
    monkeypatch.setattr(handlers, "FUNCTIONS", tmp_path)
    (outcomes,) = handlers.run_all(20)
    assert problem in outcomes.undeclared[0]
    assert not handlers.finding(outcomes).as_designed


def test_a_declared_error_that_never_occurs_is_not_as_designed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "app.py").write_text(HANDLER.replace("BODY", "raise DeclaredError"))
    monkeypatch.setattr(handlers, "FUNCTIONS", tmp_path)
    monkeypatch.setattr(handlers, "EVENTS", 20)
    (found,) = handlers.findings(20)
    assert (found.fault, found.as_designed) == ("20 odd events for faulty", False)
    assert found.happened == "0 answers, 20 in 1 declared errors, 0 otherwise; never seen: UnseenError"
    assert handlers.main() == 1
    assert re.search(r"DeclaredError\W+20\b", capsys.readouterr().out)
