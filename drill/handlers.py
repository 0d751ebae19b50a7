"""The drill of the Lambda functions: each odd event ends in an answer or in an error that the function declares.

    python -m drill.handlers

The events and the answers of AWS derive from a seed, so each run is the same. Answers, errors and log lines must be
JSON in UTF-8, as Lambda's runtime sends them: it encodes them after its own error handling.
"""

import importlib.util
import json
import logging
import os
import random
import reprlib
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from rich.console import Console
from rich.table import Column, Table

from drill.fake_aws import replace_clients
from drill.finding import Finding
from drill.odd_events import odd_event

FUNCTIONS = Path(__file__).parents[1] / "functions"
EVENTS = 10_000  # for each function
SEED = 1
MESSAGE_LIMIT = 4000  # characters of an error's message
LOG_LIMIT = 4000  # characters of a log line: too few for a photo
FIELDS = {"s3_bucket", "s3_key", "image_data", "inferences"}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "drill",
    "AWS_SECRET_ACCESS_KEY": "drill",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # nothing listens there, and no request is sent
    "CONFIDENCE_THRESHOLD": "0.93",
    "ENDPOINT_NAME": "drill",
}
RECORD_FIELDS = set(vars(logging.makeLogRecord({})))


@dataclass
class Outcomes:
    """How the events of one function ended."""

    function: str
    declared: set[str]  # names of the function's errors
    answers: int = 0
    errors: Counter[str] = field(default_factory=Counter)  # declared ones, by name
    undeclared: list[str] = field(default_factory=list)  # one sentence for each event

    @property
    def events(self) -> int:
        return self.answers + self.errors.total() + len(self.undeclared)

    @property
    def unseen(self) -> set[str]:
        """Declared errors in which no event ended: their code was not tried."""
        return self.declared - set(self.errors)


class LogLines(logging.Handler):
    """Encodes each record as Lambda's runtime does; an exception here reaches the function, as it does on AWS."""

    def emit(self, record: logging.LogRecord) -> None:
        extra = {name: value for name, value in vars(record).items() if name not in RECORD_FIELDS}
        line = json.dumps({"message": record.getMessage(), **extra}, ensure_ascii=False)
        if len(line.encode()) > LOG_LIMIT:
            raise OverflowError(f"a log line of {len(line)} characters")


def run_all(number: int, seed: int = SEED) -> list[Outcomes]:
    """Give `number` odd events to each function."""
    with mock.patch.dict(os.environ, ENVIRONMENT), logged():
        return [run(path.parent.name, number, seed) for path in sorted(FUNCTIONS.glob("*/app.py"))]


def run(folder: str, number: int, seed: int) -> Outcomes:
    app = load(folder)
    outcomes = Outcomes(folder, {name for name, value in vars(app).items() if is_declared(value, app)})
    rng = random.Random(seed)
    replace_clients(app, lambda: rng)
    for index in range(number):
        rng.seed(f"{seed} {index}")
        event = odd_event(rng)
        if problem := try_event(app, event, outcomes):
            outcomes.undeclared.append(f"event {index}, {shorten(event)}: {problem}")
    return outcomes


def try_event(app: ModuleType, event: Any, outcomes: Outcomes) -> str:
    """Count how an event ends; returns the problem if it ends otherwise than it may, else an empty string."""
    try:
        answer = app.lambda_handler(event, None)
        if problem := wrong_answer(answer):
            return problem
        outcomes.answers += 1
    except Exception as err:  # anything that is raised is what the drill looks for
        name = type(err).__name__
        if not is_declared(type(err), app):
            return f"undeclared {name}: {shorten(str(err))}"
        if len(str(err).encode(errors="replace")) > MESSAGE_LIMIT or not is_utf8(str(err)):
            return f"{name} with a message that is too long or cannot be sent"
        outcomes.errors[name] += 1
    return ""


def wrong_answer(answer: Any) -> str:
    """Return what is wrong with an answer, else an empty string."""
    json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    body = answer["body"]
    if answer["statusCode"] != 200 or set(body) - {"s3_version_id"} != FIELDS:
        return f"answer of another form: {shorten(answer)}"
    numbers = body["inferences"]
    if not all(type(number) in (int, float) and 0 <= number <= 1 for number in numbers) or len(numbers) == 1:
        return f"answer without probabilities: {shorten(numbers)}"
    return ""


def is_declared(value: Any, app: ModuleType) -> bool:
    return isinstance(value, type) and issubclass(value, Exception) and value.__module__ == app.__name__


def is_utf8(text: str) -> bool:
    return text.encode(errors="replace").decode() == text


def shorten(value: Any) -> str:
    try:
        return reprlib.repr(value)
    except ValueError:  # an integer with more digits than Python writes
        return type(value).__name__


def load(folder: str) -> ModuleType:
    """Load a function as Lambda does: its app.py alone."""
    spec = importlib.util.spec_from_file_location(f"drill_{folder}", FUNCTIONS / folder / "app.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def logged() -> Iterator[None]:
    """Let the root logger encode each line, as it does in Lambda."""
    root, handler = logging.getLogger(), LogLines()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


# What is reported --------------------------------------------------------------------------------------------


def findings(number: int = EVENTS) -> list[Finding]:
    return [finding(outcomes) for outcomes in run_all(number)]


def finding(outcomes: Outcomes) -> Finding:
    declared = f"{outcomes.errors.total():,} in {len(outcomes.errors)} declared errors"
    happened = f"{outcomes.answers:,} answers, {declared}, {len(outcomes.undeclared):,} otherwise"
    if outcomes.unseen:
        happened += f"; never seen: {', '.join(sorted(outcomes.unseen))}"
    as_designed = not outcomes.undeclared and not outcomes.unseen
    return Finding(f"{outcomes.events:,} odd events for {outcomes.function}", happened, as_designed)


def table(results: list[Outcomes]) -> Table:
    """Return a row for each way in which events of a function ended; `undeclared` must be 0."""
    drawn = Table("Function", "Outcome", Column("Events", justify="right"), title="Odd events", title_justify="left")
    for one in results:
        counts = {"answer": one.answers, **dict(sorted(one.errors.items())), "undeclared": len(one.undeclared)}
        for outcome, count in counts.items():
            drawn.add_row(one.function if outcome == "answer" else "", outcome, f"{count:,}")
        drawn.add_section()
    return drawn


def main() -> int:
    """Print a table of all events; return 1 if one ended otherwise than it may."""
    results = run_all(EVENTS)
    Console().print(table(results))
    for one in results:
        print(*one.undeclared[:5], sep="\n", end="\n" * bool(one.undeclared))
    return 0 if all(finding(one).as_designed for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())
