"""Each correction of MiniStack is needed: without it, a test marked with its name fails."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.corrections.registry import CORRECTIONS
from localcloud.ports import free_port

ROOT = Path(__file__).parents[2]
PASSED, FAILED = 0, 1  # pytest's exit codes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="on macOS MiniStack runs the functions")

Without = Callable[[str, str], tuple[int, str]]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Without]:
    """Yield a function that runs the tests marked with one name in a cloud without the correction of another name.

    It returns pytest's exit code and what pytest printed; pytest ends at the first test that does not pass.
    """
    state = tmp_path_factory.mktemp("forks") / "cloud"
    program = str(ROOT / "tests/integration/support/forks.py")
    command = [sys.executable, "-P", program, str(state), str(free_port())]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WAIT_AT_MOST": "8"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as forks:
        assert forks.stdin is not None and forks.stdout is not None
        ask, answer = forks.stdin, forks.stdout

        def run(left_out: str, marked: str) -> tuple[int, str]:
            options = ["-x", "--tb=short", "-p", "no:cacheprovider", "-m", f"correction(name='{marked}')"]
            print(json.dumps([left_out, *options, *map(str, marked_files(marked))]), file=ask, flush=True)
            code, output = json.loads(answer.readline())
            return code, output

        yield run
        ask.close()


def marked_files(name: str) -> list[Path]:
    """Return the test files in which something is marked with a correction's name."""
    mark = f'@pytest.mark.correction(name="{name}")'
    return [path for path in (ROOT / "tests").rglob("test_*.py") if mark in path.read_text()]


@pytest.mark.parametrize("name", [correction.name for correction in CORRECTIONS])
def test_without_a_correction_its_test_fails(without: Without, name: str) -> None:
    code, output = without(name, name)
    closing_line = output.strip().splitlines()[-1]
    assert code == FAILED, output
    assert "failed" in closing_line
    assert "error" not in closing_line, closing_line


@pytest.mark.parametrize("name", ["step-functions", "lambda-environments", "damaged-state"])
def test_with_all_corrections_it_passes_there(without: Without, name: str) -> None:
    code, output = without("", name)
    assert code == PASSED, output
