"""Measure the model: accuracy on the test photos, processor time and memory of training, share a gate would refuse.

    python benchmarks/model.py --archive PATH --seeds 5

Each seed draws its own validation photos (10 % of each class) and runs the training program in its own process, in a
directory shaped like a SageMaker container's. The test photos are answered by the ONNX model, from PNG bytes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from training.algorithm.model import Model  # noqa: E402
from training.config import IMAGE_PREFIX, LIST_PREFIX  # noqa: E402
from training.dataset import files, selection  # noqa: E402  # needs the line above
from training.dataset.archive import Archive, read  # noqa: E402

CLASSES = ("bicycle", "motorcycle")
VALIDATION_SHARE = 0.1
CHANNELS = ("train", "validation", "train_lst", "validation_lst")


@dataclass(frozen=True)
class Result:
    """What one training job cost and achieved."""

    seed: int
    test_accuracy: float  # in [0, 1]
    validation_accuracy: float  # in [0, 1]
    refused: float  # share of the test photos whose best probability is below the gate
    cpu_seconds: float  # user and system, the whole process
    seconds: float  # by the clock
    peak_memory: float  # MiB


def main() -> None:
    """Print one line per seed and the mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, required=True, help="CIFAR-100 python archive (.tar.gz)")
    parser.add_argument("--seeds", type=int, default=5, help="training jobs, seeds from 0 (default 5)")
    parser.add_argument("--epochs", type=int, help="passes over the photos (default: the training program's)")
    parser.add_argument("--gate", type=float, default=0.93, help="probability below which a photo is refused (0.93)")
    arguments = parser.parse_args()
    archive = read(arguments.archive)
    print("seed  test acc  valid acc  refused   CPU s    s  memory MiB")
    results = []
    for seed in range(arguments.seeds):
        results.append(measure(seed, archive, arguments.epochs, arguments.gate))
        print(line(f"{seed:4}", results[-1:]), flush=True)
    print(line("mean", results))
    accuracies = [result.test_accuracy for result in results]
    print(f"test accuracy {np.mean(accuracies):.4f} ± {np.std(accuracies):.4f}")


def line(name: str, results: Sequence[Result]) -> str:
    """Return one row of the table: the mean of `results`."""
    fields = ("test_accuracy", "validation_accuracy", "refused", "cpu_seconds", "seconds", "peak_memory")
    mean = {field: float(np.mean([getattr(result, field) for result in results])) for field in fields}
    formats = ("{test_accuracy:8.4f}", "{validation_accuracy:9.4f}", "{refused:7.3f}", "{cpu_seconds:6.1f}")
    return "  ".join((name, *formats, "{seconds:3.0f}", "{peak_memory:10.0f}")).format(**mean)


def measure(seed: int, archive: Archive, epochs: int | None, gate: float) -> Result:
    """Run one training job and evaluate its model on the test photos."""
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory)
        index = selection.select(archive, CLASSES, VALIDATION_SHARE, seed)
        files.write(archive, index, base, "")
        write_job(base, int((index["split"] == "train").sum()), epochs)
        cpu_seconds, seconds, peak_memory = run_job(base, seed)
        model = Model(base / "model")
        metadata = json.loads((base / "model" / "metadata.json").read_text())
        test = index[index["split"] == "test"]
        probabilities = np.array([model.classify((base / key).read_bytes()) for key in test["s3_key"]])
    return Result(
        seed=seed,
        test_accuracy=float((probabilities.argmax(axis=1) == test["label"]).mean()),
        validation_accuracy=metadata["validation_accuracy"],
        refused=float((probabilities.max(axis=1) < gate).mean()),
        cpu_seconds=cpu_seconds,
        seconds=seconds,
        peak_memory=peak_memory,
    )


def write_job(base: Path, num_training_samples: int, epochs: int | None) -> None:
    """Move the staged dataset to where SageMaker puts channels, and write the job's configuration."""
    data = base / "input" / "data"
    for split in ("train", "validation"):
        (data / f"{split}_lst").mkdir(parents=True)
        (base / IMAGE_PREFIX / split).rename(data / split)
        (base / LIST_PREFIX / f"{split}.lst").rename(data / f"{split}_lst" / f"{split}.lst")
    hyperparameters = {"num_classes": len(CLASSES), "num_training_samples": num_training_samples}
    if epochs:
        hyperparameters["epochs"] = epochs
    _write_config(base, "hyperparameters", {name: str(value) for name, value in hyperparameters.items()})
    _write_config(base, "inputdataconfig", {name: {"ContentType": "application/x-image"} for name in CHANNELS})
    _write_config(base, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})


def _write_config(base: Path, name: str, config: object) -> None:
    path = base / "input" / "config" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config))


def run_job(base: Path, seed: int) -> tuple[float, float, float]:
    """Run the training program and return its processor seconds, seconds by the clock and peak memory in MiB."""
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base), "TRAINING_SEED": str(seed)}
    started = time.monotonic()
    command = [sys.executable, "-m", "training.algorithm", "train"]
    job = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(job.pid, 0)  # of this child alone
    if status:
        sys.exit(f"Training failed: {(base / 'output' / 'failure').read_text()}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    return usage.ru_utime + usage.ru_stime, time.monotonic() - started, usage.ru_maxrss / unit


if __name__ == "__main__":
    main()
