"""Training and serving containers: plain processes that keep to SageMaker's container contract."""

import errno
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from localcloud.sagemaker.images import Program, in_base
from localcloud.sagemaker.opt_ml import namespace, read_error, with_own_opt_ml

WORK_DIRECTORY = "workspace"  # stands for the image's WORKDIR
STOP_SECONDS = 10  # between SIGTERM and SIGKILL, of a container that serves
NOT_STARTED = {errno.ENOENT: 127, errno.EACCES: 126, errno.ENOEXEC: 126}  # Docker's exit codes
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "AWS_ENDPOINT_URL", "NO_PROXY")


class NotStartedError(Exception):
    """When a container's program is missing or not executable; the message says which."""

    def __init__(self, err: OSError) -> None:
        super().__init__(f"{err.filename}: {err.strerror}")
        self.exit_code = NOT_STARTED[err.errno or 0]


@dataclass(frozen=True)
class Launch:
    """How a program is started in a container."""

    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    opt_ml: Path | None = None  # what it sees as /opt/ml; None: the machine's own, if it has one


def launch_in(base: Path, program: Program, command: Sequence[str], environment: Mapping[str, str]) -> Launch:
    """Return how a command runs in an image's container whose /opt/ml is `base`.

    A built-in algorithm, which is ours, is told its base directory. All other code has a /opt/ml of its own; where the
    machine does not allow that, the words and variables of the request name the base directory in its place.
    """
    if namespace() and not program.is_built_in:
        directory = empty_directory(base / WORK_DIRECTORY)
        return Launch(tuple(command), directory, {**program.environment, **environment}, base)
    return Launch(
        tuple(in_base(word, base) for word in command),
        program.directory or empty_directory(base / WORK_DIRECTORY),
        {**program.environment, **{name: in_base(value, base) for name, value in environment.items()}},
    )


class Container:
    """A running program and the reader of its output."""

    def __init__(self, launch: Launch, on_line: Callable[[str], None]) -> None:
        """Start the program.

        Raises:
            NotStartedError: There is no such program.
        """
        self._process = start(launch)
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


def start(launch: Launch) -> subprocess.Popen[str]:
    """Start a program; returns when it runs.

    Raises:
        NotStartedError: There is no such program.
    """
    try:
        return popen(launch, launch.command) if launch.opt_ml is None else popen_in_opt_ml(launch, launch.opt_ml)
    except OSError as err:
        if err.errno not in NOT_STARTED:
            raise
        raise NotStartedError(err) from err


def popen_in_opt_ml(launch: Launch, base: Path) -> subprocess.Popen[str]:
    """Start a program that sees `base` as /opt/ml; OSError when it cannot be run."""
    error, told = os.pipe()
    try:
        with os.fdopen(told, "wb"):  # closed here when the child has it
            process = popen(launch, with_own_opt_ml(launch.command, base, launch.directory, told), told)
        failed = read_error(error, launch.command[0])
    finally:
        os.close(error)
    if failed is None:
        return process
    process.communicate()
    raise failed


def popen(launch: Launch, command: Sequence[str], *descriptors: int) -> subprocess.Popen[str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return subprocess.Popen(
        command,
        cwd=launch.directory,
        env={**inherited, "PYTHONUNBUFFERED": "1", **launch.environment},
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


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
