"""The models that `drift.py` watches: each is trained on half of the archive's photos; the other half is new."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # `drift.py`, which imports this file, is run as a script

from benchmarks.model import CLASSES, VALIDATION_SHARE, run_job, write_job  # noqa: E402  # needs the line above
from training.dataset import files, selection  # noqa: E402
from training.dataset.archive import Archive, LabelledRows, read  # noqa: E402

FOLDS = 3
Pixels = NDArray[np.uint8]  # (n, height, width, channels)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trained:
    """A model and the photos that neither it nor its profile has seen."""

    directory: Path  # of model.onnx and profile.json
    pixels: Pixels
    labels: NDArray[np.int64]  # (n,)

    def answer(self, pixels: Pixels) -> Floats:
        """Return the probabilities of photos, (n, classes)."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(self.directory / "model.onnx", options, ["CPUExecutionProvider"])
        parts = [session.run(None, {"pixels": part})[0] for part in np.array_split(pixels, 1 + len(pixels) // 500)]
        return np.concatenate(parts).astype(np.float64)


def halves(path: Path, seed: int) -> Archive:
    """Return an archive whose photos of both classes are drawn anew: half are for training, half are new."""
    archive = read(path)
    rows = (archive.train, archive.test)
    wanted = [archive.class_names.index(name) for name in CLASSES]
    data, labels = (np.concatenate([getattr(part, name) for part in rows]) for name in ("data", "labels"))
    names = [name for part in rows for name in part.filenames]
    order = np.random.default_rng(seed).permutation(np.flatnonzero(np.isin(labels, wanted)))
    train, new = (
        LabelledRows(data[chosen], labels[chosen], tuple(names[row] for row in chosen))
        for chosen in np.array_split(order, 2)
    )
    return Archive(train, new, archive.class_names, archive.sha256)


def trained(path: Path, seed: int, directory: Path, *, folds: int) -> Trained:
    """Return the model of a seed, trained unless `directory` has it.

    Args:
        folds: Of the cross-validation; 0: none, so that the profile has the answers to the validation photos only.
    """
    archive = halves(path, seed)
    index = selection.select(archive, CLASSES, VALIDATION_SHARE, seed)
    base = directory / f"{seed}-{folds}"
    if not (base / "model" / "profile.json").exists():
        files.write(archive, index, base, "")
        write_job(base, int((index["split"] == "train").sum()), None)
        hyperparameters = base / "input" / "config" / "hyperparameters.json"
        if folds:
            given = json.loads(hyperparameters.read_text()) | {"cross_validate": str(folds)}
            hyperparameters.write_text(json.dumps(given))
        seconds, _, _ = run_job(base, seed)
        print(f"Trained model {seed} with {folds} folds: {seconds:.0f} processor seconds.", file=sys.stderr, flush=True)
    pixels = archive.test.data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    numbers = [archive.class_names.index(name) for name in CLASSES]
    labels = np.array([numbers.index(label) for label in archive.test.labels])
    return Trained(base / "model", np.ascontiguousarray(pixels), labels)


def unseen_photos() -> Pixels:
    """Return 500 crops of the portrait that matplotlib brings: no class of the models, and photos all the same."""
    random = np.random.default_rng(0)
    with Image.open(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg") as portrait:
        boxes = [crop_box(random, *portrait.size) for _ in range(500)]
        crops = [portrait.resize((32, 32), Image.Resampling.BILINEAR, box).convert("RGB") for box in boxes]
    return np.stack([np.asarray(crop) for crop in crops])


def crop_box(random: np.random.Generator, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a random square within an image."""
    side = int(random.integers(64, min(width, height) // 2))
    left, top = (int(random.integers(0, length - side)) for length in (width, height))
    return left, top, left + side, top + side
