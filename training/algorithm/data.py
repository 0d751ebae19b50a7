"""Read what SageMaker puts into the container before training: configuration, channels, photos and labels."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .errors import InputError
from .images import decode

PHOTO_CHANNELS = ("train", "validation")
CHANNELS = (*PHOTO_CHANNELS, *(f"{channel}_lst" for channel in PHOTO_CHANNELS))
MOST_BYTES = 4 << 30  # of a channel's pixels, which stay in memory; the smallest training instance has 8 GiB


@dataclass(frozen=True)
class Photos:
    """Labelled images, in the order of their .lst file."""

    pixels: Tensor  # uint8, (n, height, width, channels)
    labels: Tensor  # int64, (n,), from 0


def read_config(base: Path, name: str) -> dict[str, Any]:
    """Return `input/config/<name>.json`.

    Raises:
        InputError: It is missing or not a JSON object.
    """
    path = base / "input" / "config" / f"{name}.json"
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError as err:
        raise InputError(f"{path} is missing; SAGEMAKER_BASE_DIR must name a directory laid out like /opt/ml.") from err
    except ValueError as err:
        raise InputError(f"{path} is not valid JSON: {err}.") from err
    if not isinstance(config, dict):
        raise InputError(f"{path} must hold a JSON object.")
    return config


def check_resources(base: Path) -> None:
    """Raise when the job has more than one instance: each would train the same model."""
    hosts = read_config(base, "resourceconfig").get("hosts", [])
    if len(hosts) > 1:
        raise InputError(f"Training runs on one instance, but the job has {len(hosts)}: set InstanceCount to 1.")


def check_channels(base: Path) -> None:
    """Raise unless the job has all four channels, as files of images and lists."""
    channels = read_config(base, "inputdataconfig")
    for name in CHANNELS:
        if name not in channels:
            raise InputError(f"Channel {name} is missing; the job needs {', '.join(CHANNELS)}.")
        if channels[name].get("TrainingInputMode", "File") == "Pipe":
            raise InputError(f"Channel {name} has input mode Pipe; use File or FastFile.")
        content_type = channels[name].get("ContentType", "application/x-image")
        if content_type != "application/x-image":
            raise InputError(f"Channel {name} has content type {content_type}; only application/x-image is read.")


def read_photos(base: Path, channel: str, num_classes: int, shape: tuple[int, int, int]) -> Photos:
    """Return the photos that `<channel>_lst` lists, decoded to `shape` (height, width, channels).

    Raises:
        InputError: A row, a label or an image is invalid, or there are too many images of this shape.
    """
    rows = read_list(base / "input" / "data" / f"{channel}_lst", num_classes)
    directory = base / "input" / "data" / channel
    size = len(rows) * math.prod(shape)
    if size > MOST_BYTES:
        raise InputError(
            f"Channel {channel} has {len(rows):,} images, whose pixels take {size:,} bytes of memory; "
            f"at most {MOST_BYTES:,} are held: choose a smaller image_shape, or fewer images."
        )
    pixels = np.empty((len(rows), *shape), np.uint8)
    for place, (_, name) in enumerate(rows):
        pixels[place] = _read_image(directory, name, shape)
    return Photos(torch.from_numpy(pixels), torch.tensor([label for label, _ in rows]))


def read_list(directory: Path, num_classes: int) -> list[tuple[int, str]]:
    """Return the (label, file name) pairs of the one .lst file in `directory`."""
    files = sorted(directory.glob("*.lst"))
    if len(files) != 1:
        raise InputError(f"Channel {directory.name} must hold exactly one .lst file, not {len(files)}.")
    try:
        lines = files[0].read_text("utf-8").splitlines()
    except UnicodeDecodeError as err:
        raise InputError(f"{files[0].name} is not UTF-8: {err.reason} at byte {err.start}.") from err
    rows = [_parse_row(line, f"{files[0].name}, line {n}", num_classes) for n, line in enumerate(lines, 1) if line]
    if not rows:
        raise InputError(f"{files[0].name} lists no images.")
    return rows


def _parse_row(line: str, place: str, num_classes: int) -> tuple[int, str]:
    parts = line.split("\t")
    if len(parts) != 3 or not re.fullmatch("[0-9]{1,9}", parts[1]) or "\0" in parts[2]:
        raise InputError(f"{place}: expected row<TAB>class<TAB>file name, got {line[:200]!r}.")
    label, name = int(parts[1]), PurePosixPath(parts[2])
    if label >= num_classes:
        raise InputError(
            f"{place}: class {label} is out of range, num_classes is {num_classes} (0 to {num_classes - 1})."
        )
    if name.is_absolute() or ".." in name.parts:
        raise InputError(f"{place}: file names are relative to the channel and stay in it, got {parts[2]!r}.")
    return label, parts[2]


def _read_image(directory: Path, name: str, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    try:
        return decode((directory / name).read_bytes(), shape)
    except FileNotFoundError as err:
        raise InputError(f"Channel {directory.name} has no file {name}, which its .lst file lists.") from err
    except OSError as err:
        raise InputError(f"{directory.name}/{name} cannot be read: {err.strerror}.") from err
    except InputError as err:
        raise InputError(f"{directory.name}/{name}: {err}") from err


def class_counts(labels: Tensor, num_classes: int) -> Tensor:
    """Return how many photos each class has, (num_classes,).

    Raises:
        InputError: A class has none.
    """
    present = set(labels.tolist())
    absent = next((label for label in range(num_classes) if label not in present), None)
    if absent is not None:  # looked for before memory is taken for each class
        raise InputError(f"The training list has no image of class {absent}, but num_classes is {num_classes}.")
    return torch.bincount(labels, minlength=num_classes)
