"""The container images that this cloud knows, and the program that runs in place of each.

There is no Docker: a program is a process of this machine, with the Python and the packages of the local cloud. Its
base directory stands for /opt/ml. The processes of several jobs and endpoints would share a real /opt/ml, so each has
its own: `opt_ml` mounts it where the machine allows that, and else `in_base` maps /opt/ml in a request to it.
"""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # of the checkout
CONTAINER_BASE = re.compile(r"(?<![\w./-])/opt/ml(?![\w.-])")
TORCH = ".".join(version("torch").split(".")[:2])
# The ENTRYPOINT of AWS's PyTorch image is `bash -m start_with_right_hostname.sh`. This is the script without what it
# does for training and for reports to AWS: github.com/aws/deep-learning-containers, scripts/docker/pytorch.
START_SCRIPT = ("bash", "-m", "-c", 'eval "$@"', "start_with_right_hostname.sh")
# ENV in the Dockerfile of AWS's PyTorch image; `python` is the local cloud's own.
PYTORCH_ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONIOENCODING": "UTF-8",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
}


class ImageNotFoundError(Exception):
    """When the local cloud has no program for a container image."""


@dataclass(frozen=True)
class Program:
    """The program that runs in place of a container image; `train` or `serve` is its argument, as with Docker."""

    command: tuple[str, ...]  # the image's ENTRYPOINT
    tag: str | None = None  # the only one that is known; None: all
    directory: Path | None = None  # where it runs; None: in an empty directory of the container's own
    environment: Mapping[str, str] = field(default_factory=dict)
    is_built_in: bool = False  # one of SageMaker's algorithms, which takes no entrypoint and no metric definitions
    trains: bool = True  # without an entrypoint in the request
    metric_definitions: Mapping[str, str] = field(default_factory=dict)  # of a built-in algorithm: name -> regex
    instance_families: tuple[str, ...] = ()  # that it trains on, all when empty


# By the image's repository name: the images of AWS's own registries have the same name in every region.
PROGRAMS = {
    "image-classification": Program(
        (sys.executable, "-m", "training.algorithm"),
        directory=ROOT,
        is_built_in=True,
        metric_definitions={
            "train:accuracy": r"Epoch\[\d+\] Train-accuracy=([0-9.]+)",
            "validation:accuracy": r"Epoch\[\d+\] Validation-accuracy=([0-9.]+)",
        },
        instance_families=("ml.p", "ml.g"),  # "Image Classification - MXNet" in the developer guide: GPU only
    ),
    "pytorch": Program(
        START_SCRIPT,
        tag=f"{TORCH}-cpu-amzn2023-sagemaker",
        environment=PYTORCH_ENVIRONMENT,
        trains=False,  # SageMaker's training toolkit would, which is not emulated
    ),
}


def program_for(image_uri: str) -> Program:
    """Return the program of an image.

    Raises:
        ImageNotFoundError: There is none; the message names the images that have one.
    """
    repository, _, tag = image_uri.rsplit("/", 1)[-1].partition(":")
    program = PROGRAMS.get(repository)
    if program is None or program.tag not in (None, tag):
        known = ", ".join(f"{name}:{one.tag}" if one.tag else name for name, one in sorted(PROGRAMS.items()))
        raise ImageNotFoundError(f"The local cloud uses no Docker and runs only {known}.")
    return program


def in_base(text: str, base: Path) -> str:
    """Return an argument or the value of a variable with the base directory in place of /opt/ml."""
    return CONTAINER_BASE.sub(lambda _: str(base), text)
