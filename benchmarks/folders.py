"""Measure your own photos: time of staging, time, memory and accuracy of training, time of an answer, by size.

    python benchmarks/folders.py --archive PATH --sizes 64 128

Two directories of three classes each: parts of machines that are drawn here, 160 to 400 pixels wide and high, which
differ in their outline; and the archive's photos of bicycles and motorcycles, enlarged to 128 pixels, of which a third
is turned upside down as a class of its own. Each is staged from its JPEG, PNG and WebP files at each size, and trained
in a process of its own. The ONNX model answers the test photos from the files of the directory, as an endpoint would.
"""

import argparse
import io
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.model import run_job  # noqa: E402
from training.algorithm.model import Model  # noqa: E402
from training.config import IMAGE_PREFIX, LIST_PREFIX  # noqa: E402  # needs the line above
from training.dataset.archive import read  # noqa: E402
from training.dataset.choice import Shares  # noqa: E402
from training.dataset.own_photos import OwnPhotos, Wanted, make_dataset  # noqa: E402

PARTS = ("cog", "nut", "washer")
VEHICLES = ("bicycle", "motorcycle")
ENDINGS = ("jpg", "png", "webp")
ENLARGED = 128  # pixels, of the archive's photos
CHANNELS = ("train", "validation", "train_lst", "validation_lst")

Labelled = Iterator[tuple[str, Image.Image]]


@dataclass(frozen=True)
class Result:
    """What one directory cost at one size, and how well its model does."""

    photos: int  # of the dataset
    staging: float  # seconds
    training: float  # seconds
    cpu: float  # seconds of the processor, of training
    memory: float  # MiB, the most that training had
    accuracy: float  # in [0, 1], on the test photos
    answer: float  # milliseconds, the median for a photo


def main() -> None:
    """Print one line for each directory and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, help="CIFAR-100 python archive; without it, drawings only")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128], help="pixels (64 128)")
    parser.add_argument("--photos", type=int, default=400, help="drawings of each class (400)")
    parser.add_argument("--epochs", type=int, help="passes over the photos (default: the training program's)")
    arguments = parser.parse_args()
    sources: dict[str, Callable[[], Labelled]] = {"drawn": lambda: drawings(arguments.photos)}
    if arguments.archive:
        sources["archive"] = lambda: vehicles(arguments.archive)
    print("directory  pixels  photos  stage s  train s  CPU s  memory MiB  test acc  answer ms")
    for name, source in sources.items():
        with tempfile.TemporaryDirectory() as directory:
            write(source(), Path(directory))
            for side in arguments.sizes:
                result = measure(Path(directory), side, arguments.epochs)
                print(line(name, side, result), flush=True)


def line(name: str, side: int, result: Result) -> str:
    numbers = f"{name:9}  {side:6}  {result.photos:6}  {result.staging:7.1f}  {result.training:7.0f}  {result.cpu:5.0f}"
    return f"{numbers}  {result.memory:10.0f}  {result.accuracy:8.4f}  {result.answer:9.2f}"


def write(photos: Labelled, directory: Path) -> None:
    """Write photos into the folders of their classes, in one of three formats by turns."""
    for number, (name, photo) in enumerate(photos):
        ending = ENDINGS[number % len(ENDINGS)]
        (directory / name).mkdir(exist_ok=True)
        photo.save(directory / name / f"{number}.{ending}", quality=85)


def drawings(count: int) -> Labelled:
    random = np.random.default_rng(0)
    for number in range(count * len(PARTS)):
        name = PARTS[number % len(PARTS)]
        yield name, draw(name, random)


def draw(part: str, random: np.random.Generator) -> Image.Image:
    """Return a part of any colour, place, size and turn on a ground of two colours with things lying about."""
    width, height = random.integers(160, 400, 2).tolist()
    ground = np.linspace(random.integers(60, 220, 3), random.integers(60, 220, 3), height).astype(np.uint8)
    image = Image.fromarray(np.repeat(ground[:, None], width, axis=1))
    pen = ImageDraw.Draw(image)
    for _ in range(random.integers(2, 9)):
        left, top, wide, high = random.uniform((0, 0, 5, 5), (width, height, 40, 40)).tolist()
        pen.rectangle((left, top, left + wide, top + high), colour(random, 30, 230))
    radius = random.uniform(0.22, 0.38) * min(width, height)
    centre = random.uniform((radius, radius), (width - radius, height - radius))
    angles = random.uniform(0, math.tau) + np.arange(720) * math.tau / 720
    outline = centre + radius * reach(part, random)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    pen.polygon([(x, y) for x, y in outline.tolist()], colour(random, 40, 230))
    hole = radius * random.uniform(0.3, 0.55)
    pen.ellipse((*(centre - hole).tolist(), *(centre + hole).tolist()), colour(random, 0, 256))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(random.exponential(0.8))), float)
    noisy = pixels + random.normal(0, random.uniform(1, 14), pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def reach(part: str, random: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return how far the outline of a part reaches in each of 720 directions, (720,)."""
    turn = np.arange(720) / 720
    if part == "cog":
        return np.where(turn * random.integers(12, 20) % 1 < 0.5, 1.0, 0.82)
    if part == "nut":  # a hexagon
        return math.cos(math.pi / 6) / np.cos((turn * 6 % 1 - 0.5) * math.pi / 3)
    return np.ones(720)


def colour(random: np.random.Generator, low: int, high: int) -> tuple[int, int, int]:
    red, green, blue = random.integers(low, high, 3).tolist()
    return red, green, blue


def vehicles(archive: Path) -> Labelled:
    """Yield the archive's photos of two classes, a third of them upside down."""
    contents = read(archive)
    for member in (contents.train, contents.test):
        for name in VEHICLES:
            rows = np.flatnonzero(member.labels == contents.class_names.index(name))
            for place, row in enumerate(rows):
                pixels = member.data[row].reshape(3, 32, 32).transpose(1, 2, 0)
                photo = Image.fromarray(pixels).resize((ENLARGED, ENLARGED), Image.Resampling.BICUBIC)
                upside_down = place % 3 == 0
                yield ("upside down", photo.transpose(Image.Transpose.ROTATE_180)) if upside_down else (name, photo)


def measure(directory: Path, side: int, epochs: int | None) -> Result:
    """Stage a directory at a size, train on it, and test the model on photos that it has not seen."""
    with tempfile.TemporaryDirectory() as work:
        run = Path(work)
        started = time.monotonic()
        wanted = Wanted(directory, (), side, Shares(0.2, 0.1, 0), keep_duplicates=False)
        own = make_dataset(wanted, run, Console(file=io.StringIO()))
        staging = time.monotonic() - started
        write_job(run, own, side, epochs)
        cpu, training, memory = run_job(run, 0)
        accuracy, answer = test(run, own, directory)
    return Result(len(own.index), staging, training, cpu, memory, accuracy, answer)


def write_job(run: Path, own: OwnPhotos, side: int, epochs: int | None) -> None:
    """Move the dataset to where SageMaker puts channels, and write the job's configuration."""
    data, config = run / "input" / "data", run / "input" / "config"
    for split in ("train", "validation"):
        (data / f"{split}_lst").mkdir(parents=True)
        (run / "dataset" / IMAGE_PREFIX / split).rename(data / split)
        (run / "dataset" / LIST_PREFIX / f"{split}.lst").rename(data / f"{split}_lst" / f"{split}.lst")
    samples = int((own.index["split"] == "train").sum())
    hyperparameters = {"num_classes": len(own.classes), "num_training_samples": samples, "epochs": epochs}
    files = {
        "hyperparameters": {name: str(value) for name, value in hyperparameters.items() if value}
        | {"image_shape": f"3,{side},{side}"},
        "inputdataconfig": {name: {"ContentType": "application/x-image"} for name in CHANNELS},
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"]},
    }
    config.mkdir(parents=True)
    for name, content in files.items():
        (config / f"{name}.json").write_text(json.dumps(content))


def test(run: Path, own: OwnPhotos, directory: Path) -> tuple[float, float]:
    """Return the accuracy on the test photos, as they are in the directory, and the milliseconds of an answer."""
    model = Model(run / "model")
    tested = own.outcomes[own.outcomes["outcome"] == "test"]
    right, milliseconds = 0, []
    for name, class_name in zip(tested["file"], tested["class_name"], strict=True):
        photo = (directory / name).read_bytes()
        started = time.perf_counter()
        probabilities = model.classify(photo)
        milliseconds.append(1000 * (time.perf_counter() - started))
        right += own.classes[int(np.argmax(probabilities))] == class_name
    return right / len(tested), float(np.median(milliseconds))


if __name__ == "__main__":
    main()
