"""`python -m training.watch DIRECTORY MESSAGE`: installs what the image lacks, then looks at new captures."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REQUIREMENTS = Path("requirements.txt")  # beside the package `training`, in the directory that the job starts in


def missing(lines: list[str]) -> list[str]:
    """Return the requirements whose package is not installed; the image's own versions are left as they are."""
    return [line for line in lines if not is_installed(line.partition("==")[0])]


def is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def install(lines: list[str]) -> None:
    if lines:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-input", *lines], check=True)


if __name__ == "__main__":
    install(missing(REQUIREMENTS.read_text().split()))
    from training.watch.job import main

    sys.exit(main(sys.argv[1:]))
