"""Reports as they look in use: of a healthy, a broken and an unlabelled run, of few photos and of long names."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from tests.unit.training.fakes import DATASET, RESULTS
from training.algorithm.photo_statistics import STATISTICS
from training.checks.limits import LATENCY_PART, Limits
from training.checks.verdict import judge
from training.config import Stack, local_path
from training.report import files, history
from training.report.evidence import failed, of_inferences, tested
from training.report.page import Subject
from training.results import Executions, RunResults
from training.statistics.intervals import quantile
from training.statistics.profile import Profile, names
from training.statistics.watch import Watched, watch

CLASSES = ("bicycle", "motorcycle")
LONG = (*(f"{name}_of_the_northern_and_southern_hemisphere" for name in "abcdefghijk"), "ordinary long words too")
THRESHOLD = 0.93


def healthy(directory: Path, photos: int = 200) -> Path:
    return write(directory, table(photos, 0.03, directory), CLASSES)


def broken(directory: Path) -> Path:
    """Everything is wrong, and the photos are darker than those of training."""
    return write(directory, table(200, 1.0, directory).assign(brightness=-3.0), CLASSES)


def unlabelled(directory: Path) -> Path:
    unknown = dict.fromkeys(("s3_key", "filename", "true_class"))
    return write(directory, table(60, 0.1, directory).assign(**unknown), CLASSES, watches=False)


def few(directory: Path) -> Path:
    return write(directory, table(7, 0.3, directory), CLASSES)


def long_names(directory: Path) -> Path:
    return write(directory, table(300, 0.2, directory, LONG), LONG)


SAMPLES: dict[str, Callable[[Path], Path]] = {
    sample.__name__: sample for sample in (healthy, broken, unlabelled, few, long_names)
}


def table(photos: int, mistakes: float, directory: Path, classes: tuple[str, ...] = CLASSES) -> pd.DataFrame:
    """Return inferences as `inferences.join` does, and write their photos below `directory`."""
    random = np.random.default_rng(3)
    labels = random.integers(0, len(classes), photos)
    wrong = random.random(photos) < mistakes
    said = np.where(wrong, (labels + 1 + random.integers(0, len(classes) - 1, photos)) % len(classes), labels)
    confidence = np.clip(1 - random.exponential(np.where(wrong & (mistakes < 1), 0.2, 0.03)), 0.52, 0.9999)
    rest = (1 - confidence) / (len(classes) - 1)
    keys = [f"images/test/{classes[label]}_{place:05}.png" for place, label in enumerate(labels)]
    for key, label in zip(keys, labels, strict=True):
        _photo(local_path(directory, key), int(label), random)
    return pd.DataFrame(
        {
            "time": pd.Timestamp("2026-05-04T12:00:00Z") + pd.to_timedelta(np.arange(photos) // 3, unit="s"),
            "s3_key": keys,
            "filename": [Path(key).name for key in keys],
            "true_class": [classes[label] for label in labels],
            "predicted_class": [classes[label] for label in said],
            "confidence": confidence,
            "below_threshold": confidence < THRESHOLD,
            **{f"p_{name}": np.where(said == place, confidence, rest) for place, name in enumerate(classes)},
            **{name: random.normal(size=photos) for name in STATISTICS},
        }
    )


def write(directory: Path, inferences: pd.DataFrame, classes: tuple[str, ...], watches: bool = True) -> Path:
    """Write the report of these inferences, and one of an hour before; returns the page's path."""
    count, refused = len(inferences), int(inferences["below_threshold"].sum())
    results = RunResults(
        replace(DATASET, directory=str(directory), classes=classes, validation=99),
        replace(RESULTS.model, training_job_name="scones-photos-2026-05-04-11-22-33", validation_accuracy=0.95),
        replace(RESULTS.deployment, test_accuracy=0.96, test_images=200),
        Executions(count, count - refused, refused, 0, "2026-05-04T11:59:58+00:00"),
    )
    arn = "arn:aws:states:eu-west-1:000000000000:stateMachine:photos"
    stack = Stack("scones-photos", "eu-west-1", "scones-photos-bucket", arn, "scones-photos-endpoint", arn, THRESHOLD)
    watched = _watched(inferences, classes) if watches else None
    evidence = replace(
        of_inferences(inferences, classes, count),
        test=tested(results.deployment),
        failed=failed(results.executions),
        latency=quantile(list(np.linspace(0.4, 2.5, max(count, 30))), LATENCY_PART),
        drift=watched.drifts if watched else None,
    )
    verdict = judge(evidence, Limits())
    metrics = _metrics() if watches else None
    about = Subject(stack, results, inferences, count, verdict=verdict, metrics=metrics, watched=watched)
    earlier = replace(RESULTS.executions, started_at="2026-05-04T10:59:58+00:00")
    hour = pd.Timedelta(hours=1)
    before = replace(
        about,
        results=replace(results, executions=earlier),
        inferences=inferences.assign(time=inferences["time"] - hour),
    )
    (directory / "report").mkdir(parents=True, exist_ok=True)
    record = files.record_of(before)
    record["previous"] = None
    history.write(directory / "report", record)
    return files.write(about, directory / "report")


def _photo(path: Path, label: int, random: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = random.integers(0, 90, (32, 32, 3), dtype=np.uint8)
    pixels[8:24, 4 + label : 20 + label, label % 3] += 150
    Image.fromarray(pixels).save(path)


def _watched(inferences: pd.DataFrame, classes: tuple[str, ...]) -> Watched:
    random = np.random.default_rng(4)
    confidence = np.clip(1 - random.exponential(0.03, 400), 0.52, 0.9999)
    answers = np.repeat(((1 - confidence) / (len(classes) - 1))[:, None], len(classes), axis=1)
    answers[np.arange(400), random.integers(0, len(classes), 400)] = confidence
    statistics = {name: random.normal(size=400) for name in STATISTICS}
    profile = Profile(400, 400, 380, "epoch 7", np.zeros(400, np.int64), answers, statistics, "")
    return watch(profile, {name: inferences[name].to_numpy(float) for name in names(classes)}, classes)


def _metrics() -> pd.DataFrame:
    epochs = np.arange(30)
    curves = {
        "train:accuracy": 0.97 - 0.4 * 0.85**epochs,
        "validation:accuracy": 0.95 - 0.4 * 0.8**epochs,
        "train:cross-entropy": 0.1 + 0.6 * 0.85**epochs,
        "validation:cross-entropy": 0.15 + 0.6 * 0.8**epochs,
    }
    rows = [(epoch, name, float(curve[epoch])) for name, curve in curves.items() for epoch in range(len(curve))]
    rows += [(29, "unseen:accuracy", 0.95), (29, "unseen:low", 0.9), (29, "unseen:high", 0.98)]
    return pd.DataFrame(rows, columns=["epoch", "metric", "value"])
