"""Containers that run a script of the test's own."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.sagemaker import images, roles
from localcloud.sagemaker.images import Program

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/script:1"
ROLE_ARN = "arn:aws:iam::000000000000:role/r"

RunAsImage = Callable[[str], None]


@pytest.fixture
def run_as_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunAsImage:
    """Return a function that lets a Python script stand for IMAGE, which every role may pull."""

    def install(script: str) -> None:
        path = tmp_path / "script.py"
        path.write_text(script)
        monkeypatch.setitem(images.PROGRAMS, "script", Program((sys.executable, str(path))))

    monkeypatch.setattr(roles, "missing_pull_action", lambda *_: None)
    return install


class Log:
    """A log stream that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.is_closed = False

    def write(self, line: str) -> None:
        self.lines.append(line)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def log() -> Log:
    return Log()
