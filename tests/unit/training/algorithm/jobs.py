"""Small training jobs, laid out as SageMaker does, with generated images."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CHANNELS = ("train", "validation", "train_lst", "validation_lst")


def stripes(label: int, n: int, side: int = 16, seed: int = 0) -> NDArray[np.uint8]:
    """Return n noisy images of a class, (n, side, side, 3); the class is the direction of the stripes."""
    random = np.random.default_rng((seed, label))
    rows, columns = np.indices((side, side))
    pattern = ((rows, columns, rows + columns)[label] // 3) % 2
    noise = random.normal(0, 30, (n, side, side, 3))
    return np.clip(60 + 130 * pattern[None, :, :, None] + noise, 0, 255).astype(np.uint8)


def make_job(
    base: Path, train: Sequence[int] = (12, 12), validation: Sequence[int] = (4, 4), **hyperparameters: object
) -> Path:
    """Write a job and return its directory; `train` and `validation` are the numbers of images per class."""
    for seed, (channel, counts) in enumerate({"train": train, "validation": validation}.items()):
        _write_channel(base / "input" / "data", channel, counts, seed)
    given = {"num_classes": len(train), "num_training_samples": sum(train), "image_shape": "3,16,16", "epochs": 2}
    write_config(base, "hyperparameters", {name: str(value) for name, value in (given | hyperparameters).items()})
    write_config(base, "inputdataconfig", {name: {"ContentType": "application/x-image"} for name in CHANNELS})
    write_config(base, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    return base


def write_config(base: Path, name: str, config: object) -> None:
    """Write `input/config/<name>.json`."""
    path = base / "input" / "config" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config))


def _write_channel(data: Path, channel: str, counts: Sequence[int], seed: int) -> None:
    rows: list[str] = []
    (data / channel).mkdir(parents=True)
    for label, n in enumerate(counts):
        for i, picture in enumerate(stripes(label, n, seed=seed)):
            name = f"{label}_{i}.png"
            Image.fromarray(picture).save(data / channel / name)
            rows.append(f"{len(rows)}\t{label}\t{name}")
    (data / f"{channel}_lst").mkdir()
    (data / f"{channel}_lst" / f"{channel}.lst").write_text("\n".join(rows) + "\n")
