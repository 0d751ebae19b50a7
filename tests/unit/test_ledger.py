"""The ledger is written by sessions in which all integration tests have run and passed, and by no others."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
BEFORE = "the page of an earlier run"
PASSES = """
import pytest

@pytest.mark.aws("S3", "objects", "exact")
@pytest.mark.aws("S3", "notifications", "absent", "an error")
@pytest.mark.parametrize("number", [1, 2])
def test_s3(number):
    pass

def test_without_a_mark():
    pass
"""
OTHER = """
import pytest

@pytest.mark.aws("IAM", "roles", "approximate", "without sessions")
def test_iam():
    {body}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two integration tests and a page that was written before."""
    (tmp_path / "tests/integration/room").mkdir(parents=True)
    for name in ("conftest.py", "ledger.py"):
        shutil.copy(TESTS / name, tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\naddopts = --import-mode=importlib\n")
    (tmp_path / "tests/integration/test_s3.py").write_text(PASSES)
    write_other(tmp_path, "pass")
    (tmp_path / "page.md").write_text(BEFORE)
    return tmp_path


def write_other(project: Path, body: str) -> None:
    (project / "tests/integration/room/test_iam.py").write_text(OTHER.format(body=body))


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--write-ledger", "page.md", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "pytest-xdist"])
def test_a_session_that_passes_writes_the_page(project: Path, workers: list[str]) -> None:
    session = run(project, "tests", *workers)
    assert session.returncode == 0, session.stdout + session.stderr
    assert "page.md was written." in session.stdout
    lines = (project / "page.md").read_text().splitlines()
    assert [line for line in lines if line.startswith(("## ", "| "))] == [
        "## IAM",
        "| behaviour | level | how it differs, or what happens instead |",
        "| roles | approximate | without sessions |",
        "## S3",
        "| behaviour | level | how it differs, or what happens instead |",
        "| notifications | absent | an error |",
        "| objects | exact |  |",
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("assert False", "1 tests did not pass, were skipped or expected to fail: tests/integration/room/test_iam.py"),
        ("pytest.skip('not here')", "1 tests did not pass, were skipped or expected to fail"),
        ("pytest.xfail('not yet')", "1 tests did not pass, were skipped or expected to fail"),
        ("pytest.exit('enough')", "the session ended with exit status 2"),
    ],
)
def test_a_test_that_does_not_pass_prevents_it(project: Path, body: str, reason: str) -> None:
    write_other(project, body)
    check_refusal(project, run(project, "tests/integration"), reason)


def test_a_file_that_is_skipped_whole_prevents_it(project: Path) -> None:
    path = project / "tests/integration/room/test_iam.py"
    path.write_text("import pytest\npytest.skip('not here', allow_module_level=True)\n")
    check_refusal(project, run(project, "tests/integration"), "1 tests did not pass, were skipped")


def test_a_test_that_passes_though_expected_to_fail_prevents_it(project: Path) -> None:
    path = project / "tests/integration/room/test_iam.py"
    path.write_text(path.read_text().replace("def test", "@pytest.mark.xfail\ndef test"))
    check_refusal(project, run(project, "tests/integration"), "1 tests did not pass, were skipped")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["tests", "--collect-only"], "--collect-only runs no test"),
        (["tests", "-k", "not iam"], "only some tests were selected; run all of tests/integration"),
        (["tests", "-m", "aws"], "only some tests were selected"),
        (["tests", "--deselect", "tests/integration/room/test_iam.py"], "only some tests were selected"),
        (["tests/integration/test_s3.py::test_s3", "tests/integration/room"], "only some tests were selected"),
        (["tests/integration/test_s3.py"], "no test of tests/integration/room/test_iam.py has run"),
        (["tests", "--ignore", "tests/integration/room"], "no test of tests/integration/room/test_iam.py has run"),
        (["tests", "--setup-only"], "no test of tests/integration/room/test_iam.py has run"),
        (["tests", "-n", "2", "-k", "not iam"], "only some tests were selected"),
    ],
)
def test_a_session_that_runs_only_a_part_is_refused(project: Path, arguments: list[str], reason: str) -> None:
    check_refusal(project, run(project, *arguments), reason)


def check_refusal(project: Path, session: subprocess.CompletedProcess[str], reason: str) -> None:
    assert session.returncode != 0, session.stdout
    assert f"page.md was not written: {reason}" in session.stdout
    assert (project / "page.md").read_text() == BEFORE


def test_a_mark_must_say_how_it_differs(project: Path) -> None:
    path = project / "tests/integration/room/test_iam.py"
    path.write_text(path.read_text().replace(', "without sessions"', ""))
    session = run(project, "tests")
    assert "a note must say how it differs from AWS" in session.stdout + session.stderr
    assert (project / "page.md").read_text() == BEFORE
