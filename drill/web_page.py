"""A foreign web page in a real browser: the tests of tests/browser, as one finding."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from drill.finding import Finding

ROOT = Path(__file__).resolve().parents[1]


def findings() -> Iterator[Finding]:
    command = (sys.executable, "-m", "pytest", "tests/browser", "-p", "no:cacheprovider", "-rs")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    yield Finding("a foreign web page attacks the cloud", lines[-1] if lines else done.stderr, done.returncode == 0)
