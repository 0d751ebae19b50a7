"""Files of the local cloud: paths that stay in their directory, contents that are replaced whole, damaged files."""

import os
import time
from pathlib import Path

from localcloud import LocalCloudError

PATH_LIMIT = os.pathconf("/", "PC_PATH_MAX")  # bytes
DAMAGED = ".damaged-"  # between a damaged file's name and the time at which it was set aside


class UnsafePathError(LocalCloudError):
    """When a name leads out of the directory that it belongs in."""


def inside(directory: Path, name: str) -> Path:
    """Return the path of `name` below `directory`, with every link and `..` resolved.

    Every path that is made from a key, a member of an archive or a name of a resource comes from here.

    Raises:
        UnsafePathError: The path is outside of the directory, the directory itself, or none at all.
    """
    base = directory.resolve()
    try:
        path = (base / name).resolve()
        length = len(os.fsencode(path))
    except (ValueError, OSError, RuntimeError) as err:  # a NUL or a lone surrogate, or links that go in circles
        raise UnsafePathError(f"{name!r} cannot be a path: {err}.") from err
    # Links are not followed in a path over the limit, so nobody knows where it leads.
    if length >= PATH_LIMIT:
        raise UnsafePathError(f"{name!r} makes a path of {length} bytes; the most is {PATH_LIMIT - 1}.")
    if path == base or not path.is_relative_to(base):
        raise UnsafePathError(f"{name!r} leads out of the directory {directory}.")
    return path


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file in one step by content that has reached the disk: a crash leaves the old or the new file.

    Raises:
        OSError: The content could not be written; the old file is still there.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def set_aside(path: Path, directory: Path | None = None) -> Path:
    """Rename a damaged file to `<name>.damaged-<time>`, in its own or another directory; returns the new path."""
    directory = directory or path.parent
    directory.mkdir(parents=True, exist_ok=True)
    aside = directory / f"{path.name}{DAMAGED}{time.strftime('%Y%m%d-%H%M%S')}"
    path.replace(aside)
    return aside


def damaged(directory: Path) -> list[Path]:
    """Return the files that were set aside in a directory and in its direct subdirectories."""
    return sorted([*directory.glob(f"*{DAMAGED}*"), *directory.glob(f"*/*{DAMAGED}*")])
