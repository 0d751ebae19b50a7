"""Which cloud belongs to a directory: its record, and its processes, which are found again after a crash too."""

import json
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from localcloud import LocalCloudError
from localcloud.environment import temporary_directory
from localcloud.files import write_durably

COMMAND = "localcloud"  # the console command, as messages name it
NOT_YET = 0  # the process id of a cloud that does not answer yet


class NotRunningError(LocalCloudError):
    """When a command needs the local cloud and no cloud runs in its directory."""

    def __init__(self) -> None:
        super().__init__(f"The local cloud does not run: start it with `{COMMAND} up`.")


@dataclass(frozen=True)
class Cloud:
    """A server: its port on 127.0.0.1 and its process id. The server saves this once it answers requests."""

    port: int
    pid: int

    def save(self, state: Path) -> None:
        write_durably(state / "cloud.json", json.dumps(asdict(self)).encode())


def log_path(state: Path) -> Path:
    return state / "cloud.log"


def remembered(state: Path) -> Cloud | None:
    """Return the cloud that last ran in this directory, running or not.

    A damaged record is set aside: `up`, `down` and `reset` find the processes without it.
    """
    path = state / "cloud.json"
    try:
        return read_cloud(path.read_text())
    except FileNotFoundError:
        return None
    except OSError as err:
        raise LocalCloudError(f"{path} cannot be read ({err.strerror}): make it readable, or delete it.") from err
    except (ValueError, TypeError, RecursionError):
        aside = path.replace(path.with_suffix(".json.damaged"))
        print(
            f"{path} is damaged and was set aside as {aside.name}: `{COMMAND} up --port` starts the cloud on the port "
            "that you name.",
            file=sys.stderr,
        )
        return None


def read_cloud(text: str) -> Cloud:
    """Return what `Cloud.save` wrote.

    Raises:
        ValueError: The text is something else; sometimes a TypeError or RecursionError.
    """
    cloud = Cloud(**json.loads(text))
    if type(cloud.port) is not int or type(cloud.pid) is not int:
        raise ValueError(f"a port and a process id are integers, not {cloud.port!r} and {cloud.pid!r}")
    if not (0 < cloud.port < 2**16 and NOT_YET <= cloud.pid < 2**31):
        raise ValueError(f"{cloud.port} is no port, or {cloud.pid} no process id")
    return cloud


def running(state: Path) -> Cloud | None:
    """Return the cloud that runs in this directory, None when it does not run."""
    cloud = remembered(state)
    if cloud is None:
        return None
    with suppress(psutil.NoSuchProcess):
        return cloud if is_ours(psutil.Process(cloud.pid), state) else None
    return None


def require_running(state: Path) -> Cloud:
    """Return the cloud that runs in this directory.

    Raises:
        NotRunningError: It does not run.
    """
    cloud = running(state)
    if cloud is None:
        raise NotRunningError
    return cloud


def is_ours(process: psutil.Process, state: Path) -> bool:
    """Return whether a process belongs to this directory's cloud.

    The process id alone is not enough: after a crash the system may have given it to another program.
    """
    try:
        return process.environ().get("TMPDIR") == str(temporary_directory(state))
    except psutil.Error:  # the process has ended, or belongs to another user
        return False


def processes(state: Path) -> list[psutil.Process]:
    """Return the supervisor, the server, and the jobs and endpoints that they started, also after a crash."""
    return [process for process in psutil.process_iter() if is_ours(process, state)]
