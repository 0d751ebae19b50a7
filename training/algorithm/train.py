"""The training program: read what SageMaker provides, fit the model and write it to `model/`.

`python -m algorithm train`, or from the repository's root `python -m training.algorithm train`.
"""

import json
import math
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

import onnx
import torch

from .acceptance import refuse_useless
from .calibration import PRIOR_MEDIAN, fit_temperature
from .cross_validation import cross_validate, write_predictions
from .data import PHOTO_CHANNELS, check_channels, check_resources, class_counts, read_config, read_list, read_photos
from .errors import InputError
from .export import build_model
from .fit import Fit, fit
from .hyperparameters import Hyperparameters, parse
from .images import network_shape
from .package import write_package
from .paths import METADATA_FILE, MODEL_FILE, PREDICTIONS_FILE, PROFILE_FILE, base_directory
from .pool import Pool
from .predictions import Predictions
from .profile import write_profile


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

    A job that is stopped keeps the network as it is: SageMaker uploads the model of a stopped job too.

    Raises:
        InputError: The job's request or data is invalid, or its model is useless.
    """
    hp, notes = parse(read_config(base, "hyperparameters"))
    print(*notes, sep="\n", end="\n" if notes else "", flush=True)
    check_resources(base)
    check_channels(base)
    shape = network_shape(hp.image_shape)
    pool = Pool([read_photos(base, channel, hp.num_classes, shape) for channel in PHOTO_CHANNELS])
    _announce(hp, pool)
    make_deterministic(read_seed())
    fitted = fit(pool, hp, stop.is_set)
    crossed = cross_validate(pool, hp, stop.is_set) if hp.cross_validate and not stop.is_set() else None
    unseen = crossed or fitted.validation
    if unseen and not stop.is_set():
        refuse_useless(unseen, class_counts(pool.labels, hp.num_classes), hp.epochs)
    temperature = fit_temperature(unseen.scores, unseen.labels) if unseen else PRIOR_MEDIAN
    save(base / "model", fitted, unseen, hp, temperature)
    write_profile(base / "model" / PROFILE_FILE, pool, unseen, temperature)
    if crossed:
        write_predictions(base / "model" / PREDICTIONS_FILE, photo_names(base, hp.num_classes), crossed, temperature)
    write_package(base / "model")


def _announce(hp: Hyperparameters, pool: Pool) -> None:
    """Print what the job will do and where that differs from its request."""
    images, validation = (len(part.labels) for part in pool.parts)
    print(f"Training on {images} images of {hp.num_classes} classes, validating on {validation}.")
    print(f"Training for {hp.epochs} epochs.", flush=True)
    joining = math.ceil(hp.hold_out * hp.epochs)
    if joining < hp.epochs:
        print(f"From epoch {joining} on, all {images + validation} are trained on.")
    if images != hp.num_training_samples:
        print(f"num_training_samples is {hp.num_training_samples}, the list has {images} images.", flush=True)


def photo_names(base: Path, num_classes: int) -> list[str]:
    """Return channel and file name of each photo, in the pool's order."""
    lists = {channel: read_list(base / "input" / "data" / f"{channel}_lst", num_classes) for channel in PHOTO_CHANNELS}
    return [f"{channel}/{name}" for channel, rows in lists.items() for _, name in rows]


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
    # 2 % faster, and the weights are the same. The type stubs do not know this property of the module.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)


def save(directory: Path, fitted: Fit, unseen: Predictions | None, hp: Hyperparameters, temperature: float) -> None:
    """Write the ONNX graph and its metadata, and print what is known about the model.

    Args:
        unseen: What shows how good the model is; None: nothing does.
    """
    shape = network_shape(hp.image_shape)
    metadata = {
        "num_classes": hp.num_classes,
        "image_shape": hp.image_shape,
        "network_shape": shape,  # height, width, channels
        "temperature": temperature,
        "best_epoch": fitted.epoch,
        "epochs": hp.epochs,
        **(unseen.figures() if unseen else {}),
    }
    figures = f": {unseen.phrase()}, by {unseen.networks}" if unseen else ""
    print(f"Kept epoch {fitted.epoch}, temperature {temperature:.3f}{figures}.", flush=True)
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(build_model(fitted.network, shape, temperature), directory / MODEL_FILE)
    (directory / METADATA_FILE).write_text(json.dumps(metadata, indent=2) + "\n")
