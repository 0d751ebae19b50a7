"""The training program: read what SageMaker provides, fit the model and write it to `model/`.

`python -m algorithm train`, or from the repository's root `python -m training.algorithm train`.
"""

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

import onnx
import torch

from .acceptance import refuse_useless
from .calibration import fit_temperature
from .data import Photos, check_channels, check_resources, read_config, read_photos
from .errors import InputError
from .export import build_model
from .fit import Fit, fit, predict
from .hyperparameters import Hyperparameters, parse
from .images import network_shape
from .package import write_package
from .paths import METADATA_FILE, MODEL_FILE, base_directory


def main() -> int:
    """Run the job and return its exit code; a failed job leaves one sentence in `output/failure`."""
    base = base_directory()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        run(base, stop)
    except InputError as err:
        return _fail(base, str(err))
    except Exception as err:  # the edge of the process: SageMaker shows this sentence, the log has the traceback
        traceback.print_exc()
        return _fail(base, f"{type(err).__name__}: {err}")
    return 0


def _fail(base: Path, reason: str) -> int:
    path = base / "output" / "failure"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(reason)
    print(reason, file=sys.stderr, flush=True)
    return 1


def run(base: Path, stop: threading.Event) -> None:
    """Train on the channels under `base` and write `model/`.

    A job that is stopped keeps its best epoch so far: SageMaker uploads the model of a stopped job too.

    Raises:
        InputError: The job's request or data is invalid, or its model is useless.
    """
    hp, notes = parse(read_config(base, "hyperparameters"))
    print(*notes, sep="\n", end="\n" if notes else "", flush=True)
    check_resources(base)
    check_channels(base)
    shape = network_shape(hp.image_shape)
    train, validation = (read_photos(base, channel, hp.num_classes, shape) for channel in ("train", "validation"))
    _announce(hp, shape, train, validation)
    make_deterministic(read_seed())
    best = fit(train, validation, hp, stop.is_set)
    if not stop.is_set():
        refuse_useless(best, train, validation, hp.epochs)
    save(base / "model", best, validation, hp, shape)
    write_package(base / "model")


def _announce(hp: Hyperparameters, shape: tuple[int, int, int], train: Photos, validation: Photos) -> None:
    """Print what the job will do and where that differs from its request."""
    images = len(train.labels)
    print(f"Training on {images} images of {hp.num_classes} classes, validating on {len(validation.labels)}.")
    if images != hp.num_training_samples:
        print(f"num_training_samples is {hp.num_training_samples}, the list has {images} images.")
    if shape[:2] != hp.image_shape[1:]:
        print(f"Images of {hp.image_shape[1:]} pixels are resized to {shape[:2]}.", flush=True)


def read_seed() -> int:
    """Return the seed; it comes from the environment because the built-in algorithm has no hyperparameter for it."""
    value = os.environ.get("TRAINING_SEED", "0")
    if not (value.isascii() and value.isdigit()):
        raise InputError(f"TRAINING_SEED must be a whole number, not {value!r}.")
    return int(value)


def make_deterministic(seed: int) -> None:
    """Make a seed give the same model on the same machine, however many processors it has.

    Batches of small images gain little from threads: two took 25 % more processor time for 20 % less wall time, and on
    busy processors they mostly waited for each other.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)


def save(directory: Path, best: Fit, validation: Photos, hp: Hyperparameters, shape: tuple[int, int, int]) -> None:
    """Write the ONNX graph, calibrated on the validation photos, and its metadata."""
    temperature = fit_temperature(predict(best.network, validation.pixels), validation.labels)
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(build_model(best.network, shape, temperature), directory / MODEL_FILE)
    metadata = {
        "num_classes": hp.num_classes,
        "image_shape": hp.image_shape,
        "network_shape": shape,  # height, width, channels
        "temperature": temperature,
        "validation_accuracy": best.validation.accuracy,
        "best_epoch": best.epoch,
        "epochs": hp.epochs,
    }
    (directory / METADATA_FILE).write_text(json.dumps(metadata, indent=2) + "\n")
    print(
        f"Kept epoch {best.epoch}: validation accuracy {best.validation.accuracy:.4f}, temperature {temperature:.3f}."
    )
