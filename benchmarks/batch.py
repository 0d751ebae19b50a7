"""Measure batches of a deployed stack: photos a second, memory of the cloud, and one verdict for each photo.

    python -m localcloud exec -- python benchmarks/batch.py --photos 10000,50000

Photos must be staged and the endpoint in service: `python training/run.py stage`, `train` and `deploy`. The staged test
photos are written under as many other keys as are asked for, which stay until `cleanup --everything`.

Measured on 2 cores, 8 photos at once, in a new cloud, one number after the other. 10,000 photos: 66 a second, 21.7 ms
of CPU each, of which the server has 11, the functions 9 and the endpoint 2; 956 MiB at most in all. 50,000 photos: 73 a
second, 20.2 ms each, 1,147 MiB. The server had 253 MiB after the 10,000, 398 with 50,000 more objects in S3, and 427 at
the end: 0.6 KiB a photo. Each photo had one verdict.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.workflow import (  # noqa: E402
    Memory,
    cloud_memory,
    cloud_processor_seconds,
    describe_memory,
    describe_processor,
    print_row,
)
from training import stack as stacks  # noqa: E402
from training.batch import photos, progress, start, verdicts  # noqa: E402
from training.config import IMAGE_PREFIX, image_prefix  # noqa: E402
from training.context import Clients, Context  # noqa: E402

WRITERS = 16  # concurrent requests


def main() -> None:
    """Print one table for each number of photos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stack-name", default="scones-unlimited", help="a deployed stack (%(default)s)")
    parser.add_argument("--photos", default="10000", help="numbers of photos, with commas (%(default)s)")
    parser.add_argument("--concurrency", type=int, default=8, help="photos under way at once (%(default)s)")
    arguments = parser.parse_args()
    clients = Clients(boto3.Session())
    stack = stacks.describe(clients.cloudformation, arguments.stack_name)
    context = Context(stack, Path("runs") / stack.name, Console(stderr=True), clients)
    print(f"idle memory: {describe_memory(cloud_memory())}")
    for number in map(int, arguments.photos.split(",")):
        print(f"\n{number:,} photos, {arguments.concurrency} at once")
        measure(context, write_photos(context, number), arguments.concurrency)


def write_photos(context: Context, number: int) -> photos.Source:
    """Return a prefix below which there are so many photos."""
    prefix, bucket, s3 = f"{IMAGE_PREFIX}/benchmark-{number}/", context.stack.bucket, context.clients.s3
    keys = [item["Key"] for page in photos.pages(context, image_prefix("test")) for item in page.get("Contents", [])]
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    there = {item["Key"] for page in photos.pages(context, prefix) for item in page.get("Contents", [])}
    wanted = {f"{prefix}{position:07d}.png": bodies[position % len(bodies)] for position in range(number)}

    def write(key: str) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=wanted[key], ContentType="image/png")

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, wanted.keys() - there))
    return photos.of_prefix(context, prefix)


def measure(context: Context, source: photos.Source, concurrency: int) -> None:
    """Run one batch and print what was measured."""
    processor_before, began = cloud_processor_seconds(), time.monotonic()
    with Memory() as memory:
        batch = start.start(context, source, {"concurrency": concurrency, "max_refused_share": 1})
        *_, ended = progress.follow(context, batch)
    seconds = time.monotonic() - began
    processor = describe_processor(processor_before, source.photos)
    print_row("execution", f"{ended.status} {ended.error} {ended.cause}")
    print_row("photos/s", f"{source.photos / seconds:.1f} ({seconds:.1f} s)")
    print_row("CPU of the cloud", processor)
    print_row("peak memory", describe_memory(memory.peak))
    found = list(verdicts.read(context, batch.name))
    print_row("verdicts", json.dumps(Counter(map(outcome_of, found))))
    print_row("one each", judge(source, found))


def outcome_of(verdict: dict[str, Any]) -> str:
    return str(verdict.get("error", "accepted" if verdict.get("accepted") else "refused"))


def judge(source: photos.Source, found: Sequence[dict[str, Any]]) -> str:
    """Return whether each photo has exactly one verdict."""
    counts = Counter(verdict["s3_key"] for verdict in found)
    twice = sum(number > 1 for number in counts.values())
    foreign = sum(not key.startswith(source.prefix) for key in counts)
    missing = source.photos - len(counts) + foreign
    return "yes" if not (twice or foreign or missing) else f"NO: {twice} twice, {missing} missing, {foreign} foreign"


if __name__ == "__main__":
    main()
