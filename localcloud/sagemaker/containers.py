"""Training and serving containers: plain processes that keep to SageMaker's container contract."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import requests

# The directory from which the programs run: the root of the checkout.
ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10  # between SIGTERM and SIGKILL, of a container that serves
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "AWS_ENDPOINT_URL", "NO_PROXY")


class ImageNotFoundError(Exception):
    """When the local cloud has no program for a container image."""


@dataclass(frozen=True)
class Program:
    """The program that runs in place of a container image; `train` or `serve` is its argument, as with Docker."""

    command: tuple[str, ...]
    metric_definitions: dict[str, str] = field(default_factory=dict)  # of a built-in algorithm: name -> regex
    instance_families: tuple[str, ...] = ()  # that it trains on, all when empty


# By the image's repository name: the algorithms of AWS's own registries have the same name in every region.
PROGRAMS = {
    "image-classification": Program(
        (sys.executable, "-m", "training.algorithm"),
        {
            "train:accuracy": r"Epoch\[\d+\] Train-accuracy=([0-9.]+)",
            "validation:accuracy": r"Epoch\[\d+\] Validation-accuracy=([0-9.]+)",
        },
        instance_families=("ml.p", "ml.g"),  # "Image Classification - MXNet" in the developer guide: GPU only
    )
}


def program_for(image_uri: str) -> Program:
    """Return the program of an image.

    Raises:
        ImageNotFoundError: There is none; the message names the images that have one.
    """
    repository = image_uri.rsplit("/", 1)[-1].split(":")[0]
    if repository not in PROGRAMS:
        known = ", ".join(sorted(PROGRAMS))
        raise ImageNotFoundError(f"The local cloud runs only {known}.")
    return PROGRAMS[repository]


class Container:
    """A running program and the reader of its output."""

    def __init__(self, command: tuple[str, ...], environment: dict[str, str], on_line: Callable[[str], None]) -> None:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**inherited, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, args=(on_line,), daemon=True)
        self._reader.start()

    def _read(self, on_line: Callable[[str], None]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                on_line(line.rstrip("\n"))

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code as Docker gives it, 128 + n after signal n; None while the program runs."""
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def wait(self, seconds: float) -> int | None:
        """Wait at most `seconds` for the end; returns the exit code once the whole output has been read, else None."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join()
        return self.exit_code()

    def terminate(self) -> None:
        """Ask the program to end (SIGTERM)."""
        self._process.terminate()

    def kill(self) -> None:
        """End the program (SIGKILL)."""
        self._process.kill()

    def stop(self) -> None:
        """Ask the program to end, and kill it when it does not."""
        self.terminate()
        if self.wait(STOP_SECONDS) is None:
            self.kill()
            self.wait(STOP_SECONDS)


def answers_ping(port: int) -> bool:
    """Return whether the container reports that it is healthy; AWS gives it 2 seconds to answer."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/ping", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def wait_until_healthy(container: Container, port: int, seconds: float) -> bool:
    """Return whether `GET /ping` answered 200 within `seconds`, False at once when the program has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answers_ping(port):
            return True
        if container.wait(0.05) is not None:
            return False
    return False


def empty_directory(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
