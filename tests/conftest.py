"""The ledger of the local cloud: what the tests prove, behaviour by behaviour.

A test of the local cloud carries `@pytest.mark.aws(service, behaviour, level, note)`, where level is `exact`,
`approximate` (the note says how) or `absent` (the note says what you get). `make ledger` runs the tests and writes
docs/local-aws.md from the marks of those that passed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

LEVELS = ("exact", "approximate", "absent")
HEAD = """# What the local AWS does, and what it does not

Made by `make ledger` from the marks of the integration tests: each line is a behaviour that a test has just shown.
**exact** is what AWS does as far as this application can tell; **approximate** says how it differs; **absent** says
what you get instead.
"""


@dataclass(frozen=True, order=True)
class Entry:
    """One line of the ledger."""

    service: str
    behaviour: str
    level: str
    note: str = ""


class Ledger:
    """Collects the marks of the tests, and writes them when all have passed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.entries: set[Entry] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            self.entries |= {entry(mark) for mark in item.iter_markers("aws")}

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self._path is not None and exitstatus == 0:
            self._path.write_text("\n".join(render(self.entries)) + "\n")


def entry(mark: pytest.Mark) -> Entry:
    found = Entry(*mark.args, **mark.kwargs)
    assert found.level in LEVELS, f"{found}: the level must be one of {LEVELS}"
    assert found.note or found.level == "exact", f"{found}: a note must say how it differs"
    return found


def render(entries: set[Entry]) -> Iterator[str]:
    """Yield the lines of the page: a table per service."""
    yield HEAD
    for service in sorted({entry.service for entry in entries}):
        yield f"## {service}\n"
        yield "| behaviour | level | how it differs, or what you get |"
        yield "|---|---|---|"
        for one in sorted(entry for entry in entries if entry.service == service):
            yield f"| {one.behaviour} | {one.level} | {one.note} |"
        yield ""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-ledger", type=Path, metavar="PATH", help="write the ledger when all tests have passed")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "aws(service, behaviour, level, note): a line of docs/local-aws.md")
    config.pluginmanager.register(Ledger(config.getoption("--write-ledger")), "ledger")
