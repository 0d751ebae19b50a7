"""Upload a burst of photos to a deployed stack, with the endpoint stopped and the cloud killed, and count the verdicts.

    python -m localcloud exec -- python benchmarks/uploads.py --photos 10000 --stopped 60 --kill

The stack must be deployed with ClassifyUploads=true, and its endpoint in service. The endpoint is deleted before the
first upload and created again after `--stopped` seconds, with the same configuration. `--kill` ends the local cloud
with SIGKILL when a third of the verdicts is there, and starts it again.

Measured on 2 cores with these arguments: 191 uploads a second, 363 s from the first upload to the last verdict, and one
verdict for each of the 10,000 photos.
"""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.workflow import print_row  # noqa: E402
from localcloud import instances  # noqa: E402
from training.config import DEFAULT_STACK_NAME, INCOMING_PREFIX, VERDICT_PREFIX  # noqa: E402

WRITERS, LOOK_SECONDS = 16, 2.0


def main() -> None:
    """Print how long the burst took, and whether each photo has one verdict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stack-name", default=DEFAULT_STACK_NAME, help="a deployed stack (%(default)s)")
    parser.add_argument("--photos", type=int, default=1000, help="size of the burst (%(default)s)")
    parser.add_argument("--stopped", type=float, default=0, help="seconds without an endpoint (%(default)s)")
    parser.add_argument("--kill", action="store_true", help="kill the local cloud in the middle")
    parser.add_argument("--directory", type=Path, default=Path(".localcloud"), help="of the local cloud (%(default)s)")
    parser.add_argument("--patience", type=float, default=3600, help="seconds until it gives up (%(default)s)")
    arguments = parser.parse_args()
    outputs = outputs_of(arguments.stack_name)
    bucket, prefix = outputs["BucketName"], f"{INCOMING_PREFIX}/{uuid.uuid4().hex[:8]}/"
    if arguments.stopped:
        stop_for(outputs["Endpoint"], arguments.stopped)
    began = time.monotonic()
    uploaded = upload(bucket, prefix, arguments.photos)
    print_row("uploads/s", f"{len(uploaded) / (time.monotonic() - began):.1f}")
    if arguments.kill:
        wait_for_verdicts(bucket, prefix, len(uploaded) // 3, arguments.patience)
        kill_and_start(arguments.directory)
    found = wait_for_verdicts(bucket, prefix, len(uploaded), arguments.patience)
    print_row("photos/s", f"{len(found) / (time.monotonic() - began):.1f} ({time.monotonic() - began:.0f} s)")
    print_row("one each", judge(uploaded, found))


def outputs_of(stack_name: str) -> dict[str, str]:
    stack = boto3.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def stop_for(endpoint_name: str, seconds: float) -> None:
    """Delete the endpoint, and create it again in the background."""
    client = boto3.client("sagemaker")
    config = client.describe_endpoint(EndpointName=endpoint_name)["EndpointConfigName"]
    client.delete_endpoint(EndpointName=endpoint_name)

    def create() -> None:
        client.create_endpoint(EndpointName=endpoint_name, EndpointConfigName=config)

    threading.Timer(seconds, create).start()


def upload(bucket: str, prefix: str, number: int) -> set[tuple[str, str]]:
    """Upload so many noisy photos; returns key and version of each."""
    s3, generator = boto3.client("s3"), np.random.default_rng(0)
    bodies = [photo(generator) for _ in range(20)]

    def put(position: int) -> tuple[str, str]:
        key = f"{prefix}{position:06d}.png"
        return key, s3.put_object(Bucket=bucket, Key=key, Body=bodies[position % len(bodies)])["VersionId"]

    with ThreadPoolExecutor(WRITERS) as pool:
        return set(pool.map(put, range(number)))


def photo(generator: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def wait_for_verdicts(bucket: str, prefix: str, number: int, patience: float) -> list[dict[str, Any]]:
    """Return the verdicts on this burst as soon as there are so many, or when patience (seconds) is over."""
    objects = boto3.resource("s3").Bucket(bucket).objects
    read: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + patience
    while True:
        for one in objects.filter(Prefix=f"{VERDICT_PREFIX}/uploads/"):
            if one.key not in read:
                read[one.key] = json.load(one.get()["Body"])
        found = [verdict for verdict in read.values() if verdict["s3_key"].startswith(prefix)]
        if len(found) >= number or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_SECONDS)


def kill_and_start(directory: Path) -> None:
    """End the local cloud as a crash would, and start it again on its port."""
    cloud = instances.running(directory)
    if cloud is None:
        raise SystemExit(f"There is no local cloud in {directory}: leave out --kill, or name its --directory.")
    os.kill(cloud.pid, signal.SIGKILL)
    command = [sys.executable, "-m", "localcloud", "--directory", str(directory), "up", "--port", str(cloud.port)]
    subprocess.run(command, cwd=ROOT, check=True)


def judge(uploaded: set[tuple[str, str]], found: list[dict[str, Any]]) -> str:
    """Return whether each version of each photo has exactly one verdict."""
    counts = Counter((verdict["s3_key"], verdict["version"]) for verdict in found)
    twice = sum(number > 1 for number in counts.values())
    missing, foreign = len(uploaded - set(counts)), len(set(counts) - uploaded)
    return "yes" if not (twice or missing or foreign) else f"NO: {twice} twice, {missing} missing, {foreign} foreign"


if __name__ == "__main__":
    main()
