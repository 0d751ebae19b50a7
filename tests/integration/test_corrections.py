"""Each correction of MiniStack is needed: without it, a test marked with its name fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.corrections.registry import CORRECTIONS, WITHOUT

ROOT = Path(__file__).parents[2]
FAILED = 1  # pytest's exit code when tests ran and some failed


def marked_files(name: str) -> list[Path]:
    """Return the test files in which something is marked with a correction's name."""
    mark = f'@pytest.mark.correction(name="{name}")'
    return [path for path in (ROOT / "tests").rglob("test_*.py") if mark in path.read_text()]


@pytest.mark.skipif(sys.platform != "linux", reason="on macOS MiniStack runs the functions")
@pytest.mark.parametrize("name", [correction.name for correction in CORRECTIONS])
def test_without_a_correction_its_test_fails(name: str) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", f"correction(name='{name}')"]
    done = subprocess.run(
        [*command, *marked_files(name)],
        cwd=ROOT,
        env={**os.environ, WITHOUT: name},
        capture_output=True,
        text=True,
    )
    closing_line = done.stdout.strip().splitlines()[-1]
    assert done.returncode == FAILED, done.stdout
    assert "failed" in closing_line
    assert "error" not in closing_line, closing_line
