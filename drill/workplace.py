"""A local cloud of the drill's own, with the application deployed in it, and commands run against it."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[1]
STACK = "drill"
SAM_CONFIG = ("--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    output: str
    seconds: float

    @property
    def last_line(self) -> str:
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1] if lines else "(no output)"


class Workplace:
    """A directory with a cloud in `.localcloud` and the results of runs in `runs`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own, so that all of it can be killed."""
        return subprocess.Popen(
            command,
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, seconds: float = 300) -> Done:
        began = time.monotonic()
        process = self.start(*command)
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            kill(process)
            output, _ = process.communicate()
        return Done(process.returncode, output, time.monotonic() - began)

    def localcloud(self, *words: str) -> Done:
        return self.run(sys.executable, "-m", "localcloud", *words)

    def step_command(self, *words: str) -> tuple[str, ...]:
        """Return the command that runs a step of training/run.py against this cloud."""
        run = str(ROOT / "training" / "run.py")
        return (sys.executable, "-m", "localcloud", "exec", "--", sys.executable, run, *words, "--stack-name", STACK)

    def step(self, *words: str) -> Done:
        return self.run(*self.step_command(*words))

    def client(self, service: str) -> Any:
        """Return a boto3 client with the variables that `localcloud env` prints."""
        exported = (line.removeprefix("export ") for line in self.localcloud("env").output.splitlines())
        pairs = (shlex.split(line)[0].partition("=") for line in exported if "=" in line)
        variables = {name: value for name, _, value in pairs}
        session: Any = boto3.Session(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
        return session.client(service, endpoint_url=variables["AWS_ENDPOINT_URL"], region_name=variables["AWS_REGION"])

    def server(self) -> int:
        """Return the process number of the cloud's server."""
        lines = self.localcloud("status").output.splitlines()
        return next(int(line.split()[1].rstrip(",")) for line in lines if line.startswith("process"))


def kill(process: subprocess.Popen[str]) -> None:
    """End a command and everything that it started, at once."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has ended
    process.wait()


@contextmanager
def workplace() -> Iterator[Workplace]:
    """Start a cloud in a temporary directory, deploy the application to it, and remove both at the end."""
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        place = Workplace(Path(directory))
        try:
            deploy(place)
            yield place
        finally:
            place.localcloud("down")


def deploy(place: Workplace) -> None:
    sam = str(Path(sys.executable).parent / "sam")
    template, build = ("--template", str(ROOT / "template.yaml")), place.directory / "build"
    built = place.run(sam, "build", *template, "--build-dir", str(build))
    parameters = ("--stack-name", STACK, "--parameter-overrides", f"EndpointName={STACK}")
    command = (sam, "deploy", "--template", str(build / "template.yaml"), *SAM_CONFIG, *parameters)
    deployed = place.localcloud("exec", "--", *command)
    if built.status or deployed.status:
        raise SystemExit(f"The application cannot be deployed: {built.last_line}; {deployed.last_line}")
