"""Measure how captured inferences are read and reported: time and memory, by their number.

    python benchmarks/captures.py --records 10000 1000000

The records are made up when they are asked for, in place of S3, so that no network and no disk with gigabytes of photos
is needed: photos of noise in the size that the network gets (3 kB as PNG), two classes, one inference in ten refused,
over the last 30 days. Each measurement is a process of its own: the first read, which parses all records and measures
their photos; the second read, from the cache; the join with the staged photos and the checks; and the report, of
at most `--most-reported` records.
"""

import argparse
import base64
import io
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pandas as pd
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from training.algorithm.photo_statistics import STATISTICS, measure  # noqa: E402  # needs the line above
from training.captures.reader import CaptureReader  # noqa: E402
from training.captures.source import Source  # noqa: E402
from training.checks.limits import Limits  # noqa: E402
from training.checks.verdict import judge  # noqa: E402
from training.config import Stack, capture_prefix, inference_id  # noqa: E402
from training.report import evidence, files, inferences  # noqa: E402
from training.report.page import Subject  # noqa: E402
from training.results import Dataset, Deployment, Executions, RunResults, TrainedModel  # noqa: E402
from training.statistics.profile import Profile, names  # noqa: E402
from training.statistics.watch import watch  # noqa: E402

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLASSES = ("bicycle", "motorcycle")
STACK = Stack("s", "us-east-1", "captures", "arn:role", "vehicles", "arn:machine", 0.93)
SIDE = 32  # pixels
RECORDS_PER_FILE = 100
STAGED = 10_000  # photos that inferences are of
PHOTOS = 256  # different ones that are captured
UNTIL, PERIOD = datetime(2026, 5, 31, tzinfo=UTC), timedelta(days=30)

Measure: TypeAlias = Callable[[int, Path], str]  # takes the number of records and a run's directory, returns a note


class MadeUpS3:
    """S3 with captured files, whose records are made when a file is read."""

    def __init__(self, records: int) -> None:
        self._records = records
        self._step = PERIOD / records
        random = np.random.default_rng(0)
        self._photos = [noise(random) for _ in range(PHOTOS)]
        self.keys = {self._key(first): first for first in range(0, records, RECORDS_PER_FILE)}

    def _time(self, number: int) -> datetime:
        return UNTIL - PERIOD + number * self._step

    def _key(self, first: int) -> str:
        folder = f"{capture_prefix(STACK.endpoint_name)}AllTraffic/{self._time(first):%Y/%m/%d/%H/%M-%S}"
        return f"{folder}-000-00000000-0000-0000-0000-{first:012}.jsonl"

    def get_paginator(self, _: str) -> "MadeUpS3":
        return self

    def paginate(self, Prefix: str, Delimiter: str = "", StartAfter: str = "", **_: Any) -> Iterator[dict[str, Any]]:
        if Delimiter:
            yield {"CommonPrefixes": [{"Prefix": f"{Prefix}AllTraffic/"}]}
        else:
            yield {"Contents": [{"Key": key} for key in self.keys if key > StartAfter]}

    def get_object(self, Key: str, **_: Any) -> dict[str, Any]:
        first = self.keys[Key]
        numbers = range(first, min(first + RECORDS_PER_FILE, self._records))
        return {"Body": io.BytesIO("\n".join(map(self._line, numbers)).encode())}

    def _line(self, number: int) -> str:
        confidence = 0.5 + 0.43 * (number % 97) / 97 if number % 10 == 0 else 0.93 + 0.07 * (number % 89) / 89
        name = inference_id(staged_key(number % STAGED))
        values = [confidence, 1 - confidence] if number % 2 else [1 - confidence, confidence]
        return (
            '{"captureData":{"endpointInput":{"observedContentType":"image/png","mode":"INPUT","data":"'
            f'{self._photos[number % PHOTOS]}","encoding":"BASE64"}},"endpointOutput":'
            f'{{"observedContentType":"application/json","mode":"OUTPUT","data":"{values}","encoding":"JSON"}}}},'
            f'"eventMetadata":{{"eventId":"00000000-0000-4000-8000-{number:012}","inferenceId":"{name}",'
            f'"inferenceTime":"{self._time(number):%Y-%m-%dT%H:%M:%SZ}"}},'
            '"eventVersion":"0"}'
        )


@dataclass(frozen=True)
class Cost:
    """What one measurement took."""

    seconds: float
    cpu: float  # seconds of the processor
    memory: float  # MiB, the most that the process had
    note: str


def main() -> None:
    """Print one line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 1_000_000], help="how many (10000 1000000)")
    parser.add_argument("--most-reported", type=int, default=10_000, help="records of a report (10000)")
    arguments = parser.parse_args()
    print("  records  measurement        s    CPU s  memory MiB")
    for records in arguments.records:
        measures: dict[str, Measure] = {"make up": make_up, "first read": read, "second read": read, "check": check}
        if records <= arguments.most_reported:
            measures["report"] = report
        with tempfile.TemporaryDirectory() as directory:
            for name, one in measures.items():
                cost = in_own_process(one, records, Path(directory))
                numbers = f"{cost.seconds:7.1f}  {cost.cpu:7.1f}  {cost.memory:10.0f}"
                print(f"{records:9}  {name:11}  {numbers}  {cost.note}", flush=True)


def in_own_process(measure: Measure, records: int, directory: Path) -> Cost:
    """Measure in a process that has imported everything, but has read nothing."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_cost, (measure, records, directory))


def _cost(measure: Measure, records: int, directory: Path) -> Cost:
    start, cpu = time.perf_counter(), time.process_time()
    note = measure(records, directory)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(time.perf_counter() - start, time.process_time() - cpu, memory, note)


def make_up(records: int, _: Path) -> str:
    """Make up all records, which is a part of the time of the first read."""
    s3 = MadeUpS3(records)
    return f"{sum(len(s3.get_object(key)['Body'].getvalue()) for key in s3.keys) / 1e6:.0f} MB"


def read(records: int, directory: Path) -> str:
    """Read all records: the first time from the files, later from the cache."""
    found = read_all(records, directory)
    table = found.memory_usage(deep=True).sum() / 1e6
    cache = sum(path.stat().st_size for path in directory.rglob("*.parquet")) / 1e6
    return f"{len(found)} rows, {table:.0f} MB in memory, {cache:.0f} MB on disk"


def check(records: int, directory: Path) -> str:
    """Read, join, compare with a profile and check."""
    found = read_all(records, directory)
    table = joined(found)
    watched = watch(profile(), {name: table[name].to_numpy(float) for name in names(CLASSES)}, CLASSES)
    known = replace(evidence.of_inferences(table, CLASSES, records), drift=watched.drifts)
    return judge(known, Limits()).state + inferences.why_unlabelled(found, staged())


def report(records: int, directory: Path) -> str:
    """Read, join, compare with a profile, check and write the report."""
    table = joined(read_all(records, directory))
    watched = watch(profile(), {name: table[name].to_numpy(float) for name in names(CLASSES)}, CLASSES)
    verdict = judge(evidence.of_inferences(table, CLASSES, records), Limits())
    subject = Subject(STACK, results(table, directory), table, records, verdict=verdict, watched=watched)
    return f"page of {files.write(subject, directory / 'report').stat().st_size / 1e6:.2f} MB"


def read_all(records: int, directory: Path) -> pd.DataFrame:
    source = Source(cast("S3Client", MadeUpS3(records)), STACK.bucket, STACK.endpoint_name, (3, SIDE, SIDE))
    return CaptureReader(source, directory, print).read(UNTIL - PERIOD, UNTIL)


def joined(found: pd.DataFrame) -> pd.DataFrame:
    return inferences.join(found, inferences.known_images(staged()), CLASSES, STACK.confidence_threshold)


def staged() -> pd.DataFrame:
    """Return an index of photos of both classes in turn."""
    keys = [staged_key(number) for number in range(STAGED)]
    labels = [CLASSES[number % 2] for number in range(STAGED)]
    return pd.DataFrame({"s3_key": keys, "filename": keys, "class_name": labels})


def staged_key(number: int) -> str:
    return f"images/test/photo_{number:05}.png"


def profile() -> Profile:
    """Return a profile of 500 photos, of noise as the captured ones are."""
    random = np.random.default_rng(1)
    statistics = measure(random.integers(0, 256, (500, SIDE, SIDE, 3), np.uint8))
    confidence = random.uniform(0.9, 1, 500)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    columns = dict(zip(STATISTICS, statistics.T, strict=True))
    return Profile(500, 500, 480, "epoch 1", np.zeros(500, np.int64), probabilities, columns, "f")


def results(table: pd.DataFrame, directory: Path) -> RunResults:
    refused = int(table["below_threshold"].sum())
    return RunResults(
        Dataset(str(directory), STACK.bucket, CLASSES, (3, SIDE, SIDE), 900, 100, STAGED, "f"),
        TrainedModel("job", f"s3://{STACK.bucket}/models/job/model.tar.gz", "image", 0.95, 60.0, 2, "f"),
        Deployment(STACK.endpoint_name, "config", 0.96, 100, 100),
        Executions(len(table), len(table) - refused, refused, 0, (UNTIL - PERIOD).isoformat()),
    )


def noise(random: np.random.Generator) -> str:
    """Return a PNG in base64."""
    buffer = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


if __name__ == "__main__":
    main()
