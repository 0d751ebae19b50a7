"""Compare the time of staging a full-size archive with the usual way, on the S3 that the environment names.

    python -m localcloud exec -- python benchmarks/staging.py

The usual way is that of most notebooks: extract the archive, unpickle it whole, `plt.imsave` per image, one
`upload_file` after the other. It stages some of the rows, and its time is scaled to all of them. Each way
runs in its own process, so that its peak memory can be measured.
"""

import argparse
import pickle
import resource
import sys
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
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

from training.dataset import archive, files, selection
from training.dataset.sample import CLASS_NAMES, pack
from training.dataset.upload import upload

TEST_SHARE = 1 / 6  # 10,000 of 60,000, as in the public archive
GOAL = 8  # times faster than the usual way
TWO = ("bicycle", "motorcycle")
FOLDER = "cifar-100-python"


@dataclass
class Timing:
    """The time and memory that one way took."""

    way: str
    images: int = 0
    unpack: float = 0.0  # seconds
    write: float = 0.0  # seconds
    upload: float = 0.0  # seconds
    cpu: float = 0.0  # seconds, of the client's processes
    peak: float = 0.0  # MB, of the client's largest process

    @property
    def total(self) -> float:
        return self.unpack + self.write + self.upload

    def scaled(self, images: int) -> "Timing":
        """Return the time for `images` images at the same time per image."""
        factor = images / self.images
        way = f"{self.way} ({self.images:,} rows, scaled)"
        return Timing(way, images, self.unpack, self.write * factor, self.upload * factor, self.cpu * factor, self.peak)


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


def usual_way(path: Path, rows: int, bucket: str, folder: Path) -> Timing:
    """Stage the first `rows` training images as notebooks do."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    s3, timing, clock = boto3.client("s3"), Timing("the usual way", rows), Stopwatch()
    with tarfile.open(path) as tar:
        tar.extractall(folder, filter="data")
    train, _ = (pickle.loads((folder / FOLDER / name).read_bytes(), encoding="bytes") for name in ("train", "test"))
    timing.unpack = clock.lap()
    files = [folder / name.decode() for name in train[b"filenames"][:rows]]
    for file, row in zip(files, train[b"data"], strict=False):
        plt.imsave(file, np.dstack([plane.reshape(32, 32) for plane in np.split(row, 3)]))
    timing.write = clock.lap()
    for file in files:
        s3.upload_file(str(file), bucket, f"usual/{file.name}")
    timing.upload = clock.lap()
    return measured(timing)


def this_project(way: str, path: Path, classes: tuple[str, ...], bucket: str, folder: Path) -> Timing:
    """Stage all images of `classes` with the functions of the stage step."""
    s3, timing, clock = boto3.client("s3"), Timing(way), Stopwatch()
    fingerprint = files.fingerprint(path, classes, 0.1, 0)
    index = files.load(folder, fingerprint)
    if index is None:
        contents = archive.read(path)
        timing.unpack = clock.lap()
        index = selection.select(contents, classes, 0.1, 0)
        files.write(contents, index, folder, fingerprint)
    timing.write = clock.lap()
    upload(folder, bucket, s3, Console(stderr=True))
    timing.upload = clock.lap()
    timing.images = len(index)
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


def compare(rows: int, usual_rows: int, buckets: list[str]) -> list[Timing]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path, everything = folder / "photos.tar.gz", tuple(CLASS_NAMES)
        alone(build, path, rows)
        for name in ("usual", "ours", "two"):
            (folder / name).mkdir()
        usual = alone(usual_way, path, usual_rows, buckets[0], folder / "usual")
        ours = alone(this_project, "this project", path, everything, buckets[0], folder / "ours")
        again = alone(this_project, "again, nothing changed", path, everything, buckets[0], folder / "ours")
        two = alone(this_project, "two classes of 100 instead", path, TWO, buckets[1], folder / "two")
        return [usual.scaled(ours.images), ours, again, two]


def table(timings: list[Timing]) -> Table:
    grid = Table(title="Staging, seconds")
    grid.add_column("way")
    for column in ("images", "unpack", "write", "upload", "total", "images/s", "client CPU", "peak MB", "faster"):
        grid.add_column(column, justify="right")
    for timing in timings:
        seconds = (timing.unpack, timing.write, timing.upload, timing.total)
        grid.add_row(
            timing.way,
            f"{timing.images:,}",
            *(f"{value:.1f}" for value in seconds),
            f"{timing.images / timing.total:,.0f}",
            f"{timing.cpu:.1f}",
            f"{timing.peak:,.0f}",
            f"{timings[0].total / timing.total:.1f}x" if timing.images == timings[0].images else "",
        )
    return grid


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60_000, help="of the archive (default: 60000)")
    parser.add_argument("--usual-rows", type=int, default=2_000, help="done the usual way (default: 2000)")
    options = parser.parse_args()
    s3 = boto3.resource("s3")
    buckets = [s3.create_bucket(Bucket=f"staging-benchmark-{uuid.uuid4().hex[:12]}") for _ in range(2)]
    try:
        timings = compare(options.rows, options.usual_rows, [bucket.name for bucket in buckets])
    finally:
        for bucket in buckets:
            bucket.objects.delete()
            bucket.delete()
    Console(width=140).print(table(timings))
    ratio = timings[0].total / timings[1].total
    print(f"{ratio:.1f} times faster than the usual way; the goal is {GOAL}.")
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
