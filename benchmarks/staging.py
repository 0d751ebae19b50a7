"""Compare the time of staging with the usual way, on the S3 that the environment names and on one that is far away.

    python -m localcloud exec -- python benchmarks/staging.py

The usual way is that of most notebooks: extract the archive, unpickle it whole, `plt.imsave` per image, one
`upload_file` after the other. Two jobs are compared: all photos of an archive of full size, and the two classes of
the default out of it. The usual way stages some of the photos, before and after ours, and its time is scaled to all of
them. Then the same with 20 ms more for each request, as S3 takes from one's own network. Each way runs in its own
process, so that its peak memory can be measured.
"""

import argparse
import os
import pickle
import resource
import sys
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/ is imported from the checkout

import boto3
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.slow_cloud import slow_cloud
from training import stage
from training.config import Stack
from training.console import PlainConsole
from training.context import Clients, Context
from training.dataset.sample import CLASS_NAMES, pack
from training.dataset.upload import Upload
from training.options import StageOptions

TEST_SHARE = 1 / 6  # 10,000 of 60,000, as in the public archive
ALL, TWO = tuple(CLASS_NAMES), ("bicycle", "motorcycle")
GOALS = {ALL: 6, TWO: 4}  # times faster than the usual way
LATENCY = 0.02  # seconds
FOLDER = "cifar-100-python"


@dataclass
class Timing:
    """The time and memory that one way took."""

    way: str
    images: int = 0
    unpack: float = 0.0  # seconds until the first image can be written
    stage: float = 0.0  # seconds, of writing and uploading
    cpu: float = 0.0  # seconds, of the client's processes
    peak: float = 0.0  # MB, of the client's largest process

    @property
    def total(self) -> float:
        return self.unpack + self.stage

    def scaled(self, images: int) -> "Timing":
        """Return the time for `images` images at the same time per image."""
        factor = images / self.images
        way = f"{self.way} ({self.images:,} photos, scaled)" if factor != 1 else self.way
        return Timing(way, images, self.unpack, self.stage * factor, self.cpu * factor, self.peak)


def build(path: Path, rows: int) -> None:
    """Write an archive of `rows` images that compress like photos, in all 100 classes."""
    random = np.random.default_rng(0)
    test = round(rows * TEST_SHARE)
    members = {name: photos(count, random) for name, count in (("train", rows - test), ("test", test))}
    pack(path, members | {"meta": {"fine_label_names": CLASS_NAMES}})


def photos(count: int, random: np.random.Generator) -> dict[str, Any]:
    """Return a member of soft patches of colour with grain, which take as much as photos as PNG: about 2.4 kB."""
    coarse = random.integers(0, 256, (count, 5, 5, 3), dtype=np.uint8)
    data = np.empty((count, 3, 32, 32), np.uint8)
    for image, patches in zip(data, coarse, strict=True):
        soft = np.asarray(Image.fromarray(patches).resize((32, 32), Image.Resampling.BICUBIC), dtype=np.int16)
        image[:] = np.clip(soft + random.integers(-9, 10, soft.shape), 0, 255).transpose(2, 0, 1)
    labels = [row % len(CLASS_NAMES) for row in range(count)]
    names = [f"{CLASS_NAMES[label]}_s_{row:06d}.png" for row, label in enumerate(labels)]
    return {"data": data.reshape(count, -1), "fine_labels": labels, "filenames": names}


def usual_way(path: Path, classes: tuple[str, ...], most: int, bucket: str, folder: Path) -> Timing:
    """Stage up to `most` images of `classes` as notebooks do."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    s3, timing, clock = boto3.client("s3"), Timing("the usual way"), Stopwatch()
    with tarfile.open(path) as tar:
        tar.extractall(folder, filter="data")
    members = [pickle.loads((folder / FOLDER / name).read_bytes(), encoding="bytes") for name in ("train", "test")]
    timing.unpack = clock.lap()
    labels, files = {CLASS_NAMES.index(name) for name in classes}, list[Path]()
    for member in members:
        for row, label in enumerate(member[b"fine_labels"]):
            if label in labels and len(files) < most:
                files.append(folder / member[b"filenames"][row].decode())
                planes = np.split(member[b"data"][row], 3)
                plt.imsave(files[-1], np.dstack([plane.reshape(32, 32) for plane in planes]))
    for file in files:
        s3.upload_file(str(file), bucket, f"usual/{file.name}")
    timing.stage, timing.images = clock.lap(), len(files)
    return measured(timing)


def this_project(path: Path, classes: tuple[str, ...], bucket: str, folder: Path) -> Timing:
    """Stage all images of `classes` as the stage step does, but for its table and sheet of samples."""
    console, clients, timing, clock = PlainConsole(stderr=True), Clients(boto3.Session()), Timing("ours"), Stopwatch()
    context = Context(Stack("s", "", bucket, "", "", "", 0), folder, console, clients)

    class Watched(Upload):
        def begin(self, keys: Collection[str]) -> None:
            timing.unpack = clock.lap()
            super().begin(keys)

    with Watched(folder / "dataset", bucket, clients.s3, console) as uploading:
        staged = stage.from_archive(context, StageOptions(archive=str(path), classes=classes), uploading)
        uploading.finish()
    timing.stage, timing.images = clock.lap(), len(staged.index)
    return measured(timing)


class Stopwatch:
    """Measures the seconds between its laps."""

    def __init__(self) -> None:
        self.last = time.perf_counter()

    def lap(self) -> float:
        before, self.last = self.last, time.perf_counter()
        return self.last - before


def measured(timing: Timing) -> Timing:
    """Add this process's CPU seconds and peak memory, and those of the processes that it started."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    timing.cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    unit = 1e6 if sys.platform == "darwin" else 1e3  # macOS counts bytes, Linux kB
    timing.peak = max(usage.ru_maxrss for usage in usages) / unit
    return timing


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function` in its own process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


@contextmanager
def bucket() -> Iterator[str]:
    made = boto3.Session().resource("s3").create_bucket(Bucket=f"staging-benchmark-{uuid.uuid4().hex[:12]}")
    try:
        yield made.name
    finally:
        made.objects.delete()
        made.delete()


def compare(path: Path, classes: tuple[str, ...], most: int) -> list[Timing]:
    """Stage the usual way before and after ours, so that both meet the same load; returns usual, ours, ours again."""
    with bucket() as usual, bucket() as own, tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary, name) for name in ("before", "ours", "after")]
        for folder in folders:
            folder.mkdir()
        before = alone(usual_way, path, classes, most // 2, usual, folders[0])
        ours = alone(this_project, path, classes, own, folders[1])
        after = alone(usual_way, path, classes, most // 2, usual, folders[2])
        again = alone(this_project, path, classes, own, folders[1])
    again.way = "ours, nothing changed"
    half = Timing(
        before.way,
        before.images + after.images,
        (before.unpack + after.unpack) / 2,
        before.stage + after.stage,
        before.cpu + after.cpu,
        max(before.peak, after.peak),
    )
    return [half.scaled(ours.images), ours, again]


def table(title: str, timings: list[Timing]) -> Table:
    grid = Table(title=f"{title}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", title_justify="left")
    grid.add_column("way, seconds")
    for column in ("photos", "unpack", "stage", "total", "photos/s", "client CPU", "peak MB", "faster"):
        grid.add_column(column, justify="right")
    for timing in timings:
        grid.add_row(
            timing.way,
            f"{timing.images:,}",
            *(f"{value:.1f}" for value in (timing.unpack, timing.stage, timing.total)),
            f"{timing.images / timing.total:,.0f}",
            f"{timing.cpu:.1f}",
            f"{timing.peak:,.0f}",
            f"{timings[0].total / timing.total:.1f}x",
        )
    return grid


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60_000, help="of the archive (default: 60000)")
    parser.add_argument("--usual", type=int, default=2000, help="photos done the usual way (default: 2000)")
    options = parser.parse_args()
    reached = True
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "photos.tar.gz")
        alone(build, path, options.rows)
        for far, far_away in (("", nullcontext()), (f", {LATENCY} s a request more", slow_cloud(path.parent, LATENCY))):
            with far_away:
                for title, classes in (("All photos", ALL), ("Two classes", TWO)):
                    timings = compare(path, classes, options.usual // (8 if far else 1))
                    Console(width=120).print(table(f"{title}{far}", timings))
                    ratio = timings[0].total / timings[1].total
                    print(f"{ratio:.1f} times faster than the usual way; the goal is {GOALS[classes]}.\n", flush=True)
                    reached &= ratio >= GOALS[classes]
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
