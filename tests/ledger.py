"""The ledger of the local cloud: what the tests prove, behaviour by behaviour.

A test of the local cloud carries `@pytest.mark.aws(service, behaviour, level, note)`, where level is `exact`,
`approximate` (the note says how it differs) or `absent` (the note says what happens instead). `make ledger` runs the
tests and writes docs/local-aws.md from the marks of the tests that passed. It refuses to write unless all tests of
tests/integration have run and passed in that session.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import pytest

LEVELS = ("exact", "approximate", "absent")
TESTS = Path("tests", "integration")  # below the project's root
PROPERTY = "ledger"  # under this name a test's report carries the test's entries, also from a worker of pytest-xdist
HEAD = """# What the local AWS does, and what it does not

Written by `make ledger` from the marks of the integration tests: a passing test stands behind each line.
**exact** is what AWS does, as far as this application can tell; **approximate** says how it differs; **absent** says
what happens instead.
"""


@dataclass(frozen=True, order=True)
class Entry:
    """One line of the ledger."""

    service: str
    behaviour: str
    level: str
    note: str = ""

    @classmethod
    def of(cls, mark: pytest.Mark) -> "Entry":
        entry = cls(*mark.args, **mark.kwargs)
        if entry.level not in LEVELS:
            raise pytest.UsageError(f"{entry}: the level must be one of {', '.join(LEVELS)}.")
        if not entry.note and entry.level != "exact":
            raise pytest.UsageError(f"{entry}: a note must say how it differs from AWS.")
        return entry


class Ledger:
    """Gathers the entries of the tests that pass, and writes the page when nothing speaks against it."""

    def __init__(self, config: pytest.Config) -> None:
        self.path: Path | None = config.getoption("--write-ledger")
        self.collected: set[Entry] = set()
        self.shown: set[Entry] = set()  # by tests that ran and passed
        self.files: set[str] = set()  # with a test that ran and passed, relative to the project's root
        self.collected_files: set[str] = set()
        self.not_passed: list[str] = []  # tests and files
        self.deselected = 0  # tests
        self._config = config

    # What happens in the session -----------------------------------------------------------------------------------

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            entries = [Entry.of(mark) for mark in item.iter_markers("aws")]
            self.collected |= set(entries)
            self.collected_files.add(item.nodeid.split("::")[0])
            item.user_properties.append((PROPERTY, [astuple(entry) for entry in entries]))

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.deselected += len(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self.not_passed.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed or hasattr(report, "wasxfail"):
            self.not_passed.append(report.nodeid)
        elif report.when == "call":
            self.files.add(report.nodeid.split("::")[0])
            carried: dict[str, Any] = dict(report.user_properties)
            self.shown |= {Entry(*entry) for entry in carried.get(PROPERTY, [])}

    # Its end -------------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        worker_output = getattr(self._config, "workeroutput", None)
        if worker_output is not None:  # this is a worker of pytest-xdist; its controller writes
            worker_output[PROPERTY] = (self.deselected, [astuple(entry) for entry in self.collected])
        elif self.path is not None:
            problem = next(self.problems(exitstatus), None)
            if problem:
                session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
            else:
                self.path.write_text(page(self.shown))
            self._tell(f"{self.path} was not written: {problem}" if problem else f"{self.path} was written.")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist has collected."""
        deselected, collected = getattr(node, "workeroutput", {}).get(PROPERTY, (0, []))
        self.deselected += deselected
        self.collected |= {Entry(*entry) for entry in collected}

    def problems(self, exitstatus: int) -> Iterator[str]:
        """Yield why the page must not be written, the plainest reason first."""
        if self._config.option.collectonly:
            yield "--collect-only runs no test."
        if self.selected():
            yield f"only some tests were selected; run all of {TESTS}."
        if self.not_passed:
            yield f"{len(self.not_passed)} tests did not pass, were skipped or expected to fail: {self.not_passed[0]}."
        if exitstatus:
            yield f"the session ended with exit status {int(exitstatus)}."
        if missing := sorted(self.all_files() - self.files):
            yield f"no test of {missing[0]} has run; run all of {TESTS}."
        if missing_entries := sorted(self.collected - self.shown):
            yield f"no test has shown that {missing_entries[0]}."

    def selected(self) -> bool:
        """Tell whether only some tests of the collected files are to run."""
        return self.deselected > 0 or any("::" in argument for argument in self._config.args)

    def all_files(self) -> set[str]:
        root = self._config.rootpath
        return {path.relative_to(root).as_posix() for path in (root / TESTS).rglob("test_*.py")}

    def _tell(self, message: str) -> None:
        terminal: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        terminal.ensure_newline()
        terminal.write_line(message)


def page(entries: set[Entry]) -> str:
    """Return the page: a table per service."""
    return "\n".join(_lines(entries)) + "\n"


def _lines(entries: set[Entry]) -> Iterator[str]:
    yield HEAD
    for service in sorted({entry.service for entry in entries}):
        yield f"## {service}\n"
        yield "| behaviour | level | how it differs, or what happens instead |"
        yield "|---|---|---|"
        for entry in sorted(entry for entry in entries if entry.service == service):
            yield f"| {entry.behaviour} | {entry.level} | {entry.note} |"
        yield ""
