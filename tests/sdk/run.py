"""Runs the notebooks of the SageMaker SDK 2 and 3, each in its own environment, against a local AWS of their own.

    python tests/sdk/run.py [sdk2] [sdk3]

`make test-sdk` makes the environments first. CIFAR_ARCHIVE names an archive in CIFAR-100's format; without it the
project's own drawings are used.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from localcloud.environment import client_environment  # noqa: E402
from localcloud.ports import free_port  # noqa: E402
from training.dataset import sample  # noqa: E402

SDK = ROOT / ".sdk"
NOTEBOOKS = ("sdk2", "sdk3")
LOCALCLOUD = (sys.executable, "-m", "localcloud", "--directory", str(SDK / "cloud"))


def main(names: list[str]) -> int:
    """Run the named notebooks, or all; returns the exit code."""
    if unknown := set(names) - set(NOTEBOOKS):
        print(f"error: there is no notebook {', '.join(sorted(unknown))}: choose {' or '.join(NOTEBOOKS)}.")
        return 2
    archive = os.environ.get("CIFAR_ARCHIVE") or str(sample.write(SDK))
    port = free_port()
    localcloud("up", "--port", str(port))
    try:
        variables = {
            **client_environment(SDK / "cloud", port),
            "CIFAR_ARCHIVE": str(Path(archive).resolve()),
            "PROJECT": str(ROOT),
            "MPLBACKEND": "agg",
        }
        failed = [name for name in names or NOTEBOOKS if run_notebook(name, variables)]
    finally:
        localcloud("reset")
    print(f"Failed: {', '.join(failed)}" if failed else "All notebooks ran.")
    return 1 if failed else 0


def localcloud(*arguments: str) -> None:
    subprocess.run([*LOCALCLOUD, *arguments], cwd=ROOT, check=True)


def run_notebook(name: str, variables: dict[str, str]) -> int:
    """Run a notebook cell for cell in a directory of its own; returns its exit code."""
    directory = SDK / "work" / name
    directory.mkdir(parents=True, exist_ok=True)
    here = Path(__file__).parent
    command = [str(SDK / name / "bin" / "python"), str(here / "run_cells.py"), str(here / f"notebook_{name}.py")]
    return subprocess.run(command, cwd=directory, env=variables).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
