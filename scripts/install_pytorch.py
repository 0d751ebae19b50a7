"""Install PyTorch's CPU build where pip's default is a CUDA build that this machine cannot use.

On Linux, pip's default PyTorch brings CUDA libraries: an installation then takes 5.7 GB instead of 2.0 GB. `make` runs
this script with the Python of the new virtual environment before it installs the project, so that the project's
requirement of torch is already satisfied. The script tries, in this order:

1. a build without CUDA from the indexes and links that pip is configured for;
2. PyTorch's CPU index, for torch alone: torch's own requirements come from the indexes that pip is configured for;
3. nothing: pip's default build is installed together with the project.

Arguments are passed on to `pip install`. PYTORCH_INDEX_URL names another index than PyTorch's.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PYTORCH_INDEX_URL = os.environ.get("PYTORCH_INDEX_URL", "https://download.pytorch.org/whl/cpu")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
# Each CUDA build of PyTorch for Linux requires these; no other build requires any of them.
CUDA_PACKAGES = ("cuda-bindings", "cuda-toolkit", "nvidia-cudnn-cu13", "nvidia-nccl-cu13", "triton")
CONNECT_SECONDS = 5.0  # to reach PyTorch's index
GIVE_UP_SECONDS = 20.0  # also when the system's name service does not answer
NVIDIA_DRIVER = Path("/proc/driver/nvidia")

CPU_SIZE = "about 0.5 GB to download, 2.0 GB on disk"
CUDA_SIZE = "about 3 GB to download, 5.7 GB on disk"


def torch_version() -> str:
    """Return the version of torch that pyproject.toml requires."""
    pyproject = Path(__file__).resolve().parents[1] / "pyproject.toml"
    found = re.search(r'"torch==([0-9.]+)"', pyproject.read_text())
    assert found, f"{pyproject} does not require one version of torch."
    return found[1]


def has_nvidia_card() -> bool:
    return NVIDIA_DRIVER.exists() or shutil.which("nvidia-smi") is not None


def run_pip(*arguments: str, seconds: float | None = None) -> str | None:
    """Return what pip prints, None if it fails or takes longer than `seconds`."""
    try:
        done = subprocess.run([*PIP, *arguments], capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


def install_configured_build(version: str, *options: str) -> bool:
    """Install a build that requires no CUDA package from where pip is configured to look; returns whether there is one.

    The constraints exclude CUDA builds: pip rejects them when it has read their metadata, without their packages.
    """
    with tempfile.TemporaryDirectory() as directory:
        constraints = Path(directory) / "no-cuda.txt"
        constraints.write_text("".join(f"{name}<0\n" for name in CUDA_PACKAGES))
        return run_pip("install", *options, "-c", str(constraints), f"torch=={version}") is not None


def install_from_pytorch(version: str, *options: str) -> bool:
    """Install torch alone from PyTorch's CPU index; returns False when the index cannot be reached or has no build."""
    index = ("--index-url", PYTORCH_INDEX_URL)
    once = ("--timeout", str(CONNECT_SECONDS), "--retries", "0")
    versions = run_pip("index", "versions", "torch", *index, *once, seconds=GIVE_UP_SECONDS)
    if versions is None or f"{version}+cpu" not in versions:
        return False
    patient = ("--timeout", "15", "--retries", "2")
    return run_pip("install", *options, *index, *patient, "--no-deps", f"torch=={version}+cpu") is not None


def main() -> int:
    options, version = sys.argv[1:], torch_version()
    if sys.platform != "linux":
        say(f"Installing the project: {CPU_SIZE}.")
    elif has_nvidia_card():
        say(f"Installing the project, with CUDA for this machine's NVIDIA card: {CUDA_SIZE}.")
    else:
        say(f"Installing the project, with PyTorch's CPU build if pip finds one: {CPU_SIZE}.")
        if not install_configured_build(version, *options) and not install_from_pytorch(version, *options):
            say(f"{PYTORCH_INDEX_URL} offers no CPU build to this machine: installing pip's default, {CUDA_SIZE}.")
    return 0


def say(sentence: str) -> None:
    print(sentence, flush=True)


if __name__ == "__main__":
    sys.exit(main())
