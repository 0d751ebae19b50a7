"""Hyperparameters under the names of SageMaker's built-in image-classification algorithm, with our own defaults.

Names and ranges: https://docs.aws.amazon.com/sagemaker/latest/dg/IC-Hyperparameter.html; `hold_out` and
`cross_validate` are ours.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from .augmentation import TYPES
from .errors import InputError
from .images import LARGEST_SIDE, SMALLEST_SIDE

MOST_FOLDS = 20  # each costs nearly as much as the model


@dataclass(frozen=True)
class Hyperparameters:
    """The hyperparameters of a training job."""

    num_classes: int
    num_training_samples: int  # images; only compared with the .lst file
    image_shape: tuple[int, int, int] = (3, 32, 32)  # channels, height, width in pixels
    epochs: int = 120  # passes over the training images
    mini_batch_size: int = 50  # images
    learning_rate: float = 0.05  # the peak; it rises from 0 and falls back to 0
    momentum: float = 0.9
    weight_decay: float = 0.015
    hold_out: float = 0.75  # share of the epochs for which the validation photos are held out; then they are trained on
    cross_validate: int = 0  # folds; 0: no cross-validation
    augmentation_type: str = TYPES[-1]  # with "crop" and "crop_color", colours can tell classes apart


# Hyperparameters of the built-in algorithm that have no effect here, with the reason.
WITHOUT_EFFECT = {
    **dict.fromkeys(("num_layers", "use_pretrained_model"), "the network is fixed"),
    **dict.fromkeys(("optimizer", "beta_1", "beta_2", "eps", "gamma"), "the optimizer is SGD with Nesterov momentum"),
    **dict.fromkeys(("lr_scheduler_factor", "lr_scheduler_step"), "the learning rate follows a triangle"),
    # Stopping early would cut off the end of the triangle, which gains most of the accuracy.
    **dict.fromkeys(
        ("early_stopping", "early_stopping_min_epochs", "early_stopping_patience", "early_stopping_tolerance"),
        "the last epoch is kept",
    ),
    "checkpoint_frequency": "only the last epoch is kept",
    "kv_store": "training runs on one instance",
    "precision_dtype": "the precision follows the processor",
    "resize": "every image is resized to image_shape",
    "top_k": "only the accuracy of the first choice is printed",
    "use_weighted_loss": "classes are weighted whenever they are unbalanced",
}


def parse(values: Mapping[str, str]) -> tuple[Hyperparameters, list[str]]:
    """Read the strings of `hyperparameters.json`.

    Names that start with `sagemaker_` belong to the SageMaker toolkits and are ignored.

    Returns:
        The hyperparameters, and one sentence for each given hyperparameter that has no effect.

    Raises:
        InputError: A name is unknown or missing, or a value is out of its range.
    """
    given = {name: str(value) for name, value in values.items() if not name.startswith("sagemaker_")}
    if given.pop("multi_label", "0").strip() not in ("0", "False", "false"):
        raise InputError("multi_label must be 0: this algorithm gives each image exactly one label.")
    notes = [f"Hyperparameter {n} has no effect here: {WITHOUT_EFFECT[n]}." for n in given if n in WITHOUT_EFFECT]
    given = {name: value for name, value in given.items() if name not in WITHOUT_EFFECT}
    _refuse_names(given)
    hp = Hyperparameters(**{name: _READERS[name](name, value) for name, value in given.items()})
    if not hp.hold_out and not hp.cross_validate:
        raise InputError(
            "With hold_out 0, nothing shows how good the model is: set hold_out above 0 or cross_validate."
        )
    return hp, notes


def _refuse_names(given: Mapping[str, str]) -> None:
    """Raise for names that are unknown, or required and missing."""
    known = [field.name for field in fields(Hyperparameters)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise InputError(f"Hyperparameter {name} is not known.{hint} Valid ones are {', '.join(known)}.")
    required = [field.name for field in fields(Hyperparameters) if field.default is MISSING]
    if missing := [name for name in required if name not in given]:
        raise InputError(f"Hyperparameter {missing[0]} is required.")


def _integer(least: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        if not re.fullmatch("[0-9]{1,18}", value.strip()) or int(value) < least:
            raise InputError(f"Hyperparameter {name} must be a whole number of at least {least}, not {value[:50]!r}.")
        return int(value)

    return read


def _fraction(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:  # also true of NaN
        raise InputError(f"Hyperparameter {name} must be a number from 0 to 1, not {value!r}.")
    return number


def _folds(name: str, value: str) -> int:
    folds = _integer(0)(name, value)
    if folds and not 2 <= folds <= MOST_FOLDS:
        raise InputError(f"Hyperparameter {name} must be 0 or a number of folds from 2 to {MOST_FOLDS}, not {folds}.")
    return folds


def _augmentation_type(name: str, value: str) -> str:
    if value not in TYPES:
        raise InputError(f"Hyperparameter {name} must be one of {', '.join(TYPES)}, not {value[:50]!r}.")
    return value


def _image_shape(name: str, value: str) -> tuple[int, int, int]:
    parts = [part.strip() for part in value.split(",")]
    if len(parts) != 3 or not all(re.fullmatch("[0-9]{1,9}", part) for part in parts):
        raise InputError(f"Hyperparameter {name} must read channels,height,width, such as 3,32,32, not {value[:50]!r}.")
    channels, height, width = map(int, parts)
    if channels not in (1, 3):
        raise InputError(f"Hyperparameter {name} must begin with 3 (colour) or 1 (grey) channels, not {channels}.")
    if min(height, width) < SMALLEST_SIDE or max(height, width) > LARGEST_SIDE:
        sides = f"{SMALLEST_SIDE} to {LARGEST_SIDE}"
        raise InputError(f"Hyperparameter {name} must be {sides} pixels high and wide, not {value[:50]!r}.")
    return channels, height, width


_READERS: dict[str, Callable[[str, str], Any]] = {
    "num_classes": _integer(2),
    "num_training_samples": _integer(1),
    "image_shape": _image_shape,
    "epochs": _integer(1),
    "mini_batch_size": _integer(2),  # batch normalisation needs two
    "learning_rate": _fraction,
    "momentum": _fraction,
    "weight_decay": _fraction,
    "hold_out": _fraction,
    "cross_validate": _folds,
    "augmentation_type": _augmentation_type,
}
