"""A container's own /opt/ml, in mounts that end with its process, so that its code finds it there as on AWS.

It takes util-linux's `unshare` and a kernel that lets this user have mounts (not Docker's default profile, not macOS).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

# Its arguments: the directory that stands for /opt/ml, an empty one, and the command. Only root could make /opt/ml in
# the machine's own /opt, so a file system in memory shows what /opt has, and /opt/ml.
MOUNT = """
set -e
base=$1 empty=$2 path=$PATH
shift 2
PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ ! -d /opt/ml ]; then
    mount --rbind /opt "$empty"
    mount -t tmpfs -o mode=755 none /opt
    for entry in "$empty"/* "$empty"/.[!.]*; do
        shown=/opt/${entry##*/}
        if [ -L "$entry" ]; then cp -P "$entry" "$shown"
        elif [ -d "$entry" ]; then mkdir "$shown" && mount --rbind "$entry" "$shown"
        elif [ -e "$entry" ]; then : > "$shown" && mount --bind "$entry" "$shown"
        fi
    done
    umount --lazy "$empty"
    mkdir /opt/ml
fi
mount --rbind "$base" /opt/ml
PATH=$path
exec "$@"
"""
# Its arguments: a file descriptor for the error's number, and the command. A shell would interpret what cannot run.
START = """
import os, sys
error = int(sys.argv[1])
os.set_inheritable(error, False)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as err:
    os.write(error, str(err.errno).encode())
    sys.exit(1)
"""
OPTIONS = (("--mount",), ("--user", "--map-root-user", "--mount"))  # for a privileged root; for all others
PROBE_SECONDS = 10


@cache
def namespace() -> tuple[str, ...]:
    """Return the command that gives another one mounts of its own, () where there is none; only an attempt can tell."""
    unshare = shutil.which("unshare") or ""
    return next((command for options in OPTIONS if unshare and mounts(command := (unshare, *options))), ())


def mounts(command: tuple[str, ...]) -> bool:
    """Return whether the command's mounts show a directory as /opt/ml."""
    with tempfile.TemporaryDirectory() as directory:
        base, empty = Path(directory, "ml"), Path(directory, "empty")
        for path in (base, empty, base / "found"):
            path.mkdir()
        probe = [*command, *mounting(base, empty), "test", "-d", "/opt/ml/found"]
        try:
            done = subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0


def mounting(base: Path, empty: Path) -> tuple[str, ...]:
    return ("/bin/sh", "-c", MOUNT, "sh", str(base), str(empty))


def with_own_opt_ml(command: Sequence[str], base: Path, empty: Path, error: int) -> list[str]:
    """Return the command that runs another one with `base` as its /opt/ml.

    Args:
        empty: An empty directory; it is empty again when the command runs.
        error: The file descriptor that gets the number of the error when the command cannot be run.
    """
    return [*namespace(), *mounting(base, empty), sys.executable, "-I", "-S", "-c", START, str(error), *command]


def read_error(descriptor: int, program: str) -> OSError | None:
    """Return why a program was not run, None once it runs or when its mounts failed, which its output tells."""
    number = os.read(descriptor, 16)
    return OSError(int(number), os.strerror(int(number)), program) if number else None
