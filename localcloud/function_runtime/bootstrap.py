"""The first program in a function's process: it gives the process a `/tmp` of its own, then runs AWS's runtime client.

    python -S -P bootstrap.py namespace|redirect|probe SETTINGS HANDLER

It imports the standard library only, because the function's process sees nothing else of this project. `namespace`
mounts an empty file system of limited size on `/tmp`, in a mount namespace that ends with the process. Where the
kernel forbids that (Docker's default profile, Ubuntu's AppArmor), `redirect` leads Python's own file functions to a
directory; libraries that open files themselves and other programs still see the machine's `/tmp`.
"""

# ruff: noqa: PTH103, PTH109, PTH123  # importing pathlib would take its time at each cold start

import builtins
import ctypes
import functools
import io
import json
import os
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

TMP = os.path.realpath("/tmp")
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000  # <sched.h>
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32  # <sys/mount.h>
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
KEPT = MS_NOSUID | MS_NODEV | MS_NOEXEC  # flags of a mount that a user namespace may not clear
CAPABILITY_VERSION = 0x20080522  # <linux/capability.h>
# Functions of `os` whose first argument is a path, and those whose second argument is one too.
ONE_PATH = (
    "access chdir chmod chown lchown getxattr link listdir listxattr lstat mkdir mkfifo mknod open pathconf readlink "
    "remove removexattr rename replace rmdir scandir setxattr stat statvfs symlink truncate unlink utime"
).split()
TWO_PATHS = ("link", "rename", "replace", "symlink")
PATH_NAMES = ("path", "file", "src", "dst")  # when these arguments are named

libc = ctypes.CDLL(None, use_errno=True)


# A namespace -----------------------------------------------------------------------------------------------------


def mount_own_tmp(megabytes: int, needed: Sequence[str]) -> None:
    """Mount an empty file system on /tmp for this process alone.

    Args:
        megabytes: Its size; a file that does not fit fails with ENOSPC, as on AWS.
        needed: Directories that the process reads; those below /tmp stay visible, read-only. So does the working
            directory, which has the function's code: on AWS /var/task is read-only.

    Raises:
        OSError: The kernel does not allow it.
    """
    is_user_namespace = enter_namespace()
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    kept = {path: os.open(path, os.O_PATH) for path in topmost(needed)}
    call("mount", b"tmpfs", TMP.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, f"size={megabytes}m,mode=1777".encode())
    for path, descriptor in kept.items():
        bind_read_only(f"/proc/self/fd/{descriptor}", path)
        os.close(descriptor)
    bind_read_only(os.getcwd(), os.getcwd())
    os.chdir(os.getcwd())  # into what was mounted there
    if is_user_namespace:
        drop_capabilities()


def enter_namespace() -> bool:
    """Enter a mount namespace, and return whether it took a user namespace, which all but a privileged root need."""
    user, group = os.geteuid(), os.getegid()
    if user == 0 and libc.unshare(CLONE_NEWNS) == 0:
        return False
    call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    return True


def topmost(paths: Sequence[str]) -> Iterator[str]:
    """Yield the real paths below /tmp, without those that lie in one that was yielded."""
    parent = TMP
    for path in sorted(f"{os.path.realpath(path)}/" for path in paths):
        if path.startswith(f"{TMP}/") and (parent == TMP or not path.startswith(parent)):
            parent = path
            yield path.rstrip("/")


def bind_read_only(source: str, path: str) -> None:
    """Show a directory at a path, read-only: a function that empties its /tmp must not delete it."""
    os.makedirs(path, exist_ok=True)
    flags = os.statvfs(source).f_flag & KEPT  # statvfs has the values of mount(2) for these
    call("mount", source.encode(), path.encode(), None, MS_BIND | MS_REC, None)
    call("mount", b"none", path.encode(), None, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, None)


def drop_capabilities() -> None:
    """Give up the capabilities that the user namespace brought."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())


def call(name: str, *arguments: Any) -> None:
    """Call a function of the C library; OSError when it fails."""
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


# Without a namespace ---------------------------------------------------------------------------------------------


def redirect_tmp(directory: str, needed: Sequence[str]) -> None:
    """Lead the file functions of Python to this directory when they are given a path in /tmp.

    Args:
        needed: Directories that the process reads; those below /tmp stay where they are.
    """
    left_alone = tuple(f"{os.path.normpath(path)}/" for path in [directory, *needed])

    def lead(path: Any) -> Any:
        if not isinstance(path, str | bytes | os.PathLike):  # an open file's descriptor
            return path
        name = os.path.normpath(os.fsdecode(path))
        if f"{name}/".startswith(left_alone) or not f"{name}/".startswith("/tmp/"):
            return path
        moved = directory + name.removeprefix("/tmp")
        return os.fsencode(moved) if isinstance(os.fspath(path), bytes) else moved

    for name in ONE_PATH:
        setattr(os, name, leading(getattr(os, name), lead, 2 if name in TWO_PATHS else 1))
    builtins.open = io.open = leading(open, lead, 1)


def leading(original: Callable[..., Any], lead: Callable[[Any], Any], paths: int) -> Callable[..., Any]:
    """Return the function with its paths, the first arguments, led elsewhere."""

    @functools.wraps(original)
    def replacement(*arguments: Any, **named: Any) -> Any:
        given = [lead(argument) for argument in arguments[:paths]]
        named = {name: lead(value) if name in PATH_NAMES else value for name, value in named.items()}
        return original(*given, *arguments[paths:], **named)

    return replacement


# The process -----------------------------------------------------------------------------------------------------


def main(mode: str, settings: dict[str, Any], handler: str) -> None:
    """Prepare /tmp and run the runtime client, which does not return.

    TMPDIR goes from what the function sees. /proc/<pid>/environ keeps it, and the cloud recognises its processes there.
    """
    os.environ.pop("TMPDIR", None)
    if mode == "redirect":
        redirect_tmp(settings["directory"], settings["needed"])
    else:
        mount_own_tmp(settings["megabytes"], settings["needed"])
    if mode != "probe":
        sys.argv = ["awslambdaric", handler]
        runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])
