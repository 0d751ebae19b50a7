"""Measure the latency that an endpoint adds to its model: ONNX Runtime in process against InvokeEndpoint, batch of 1.

    python -m localcloud exec -- python benchmarks/endpoint.py --endpoint-name scones-unlimited

The endpoint must be in service. The same model, from the archive that the endpoint serves, answers the same PNG in
this process. InvokeEndpoint is called through boto3 and through a plain HTTP client that signs each request itself,
both over connections that are kept open, which shows the cost of the client. The three take turns, so that this
machine's other load affects them equally.
"""

import argparse
import http.client
import io
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import numpy as np
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from training.algorithm.model import Model  # noqa: E402  # needs the line above

CLIENTS = (1, 4, 16)
WARM_UP = 50  # calls

Call = Callable[[], object]


def main() -> None:
    """Print a table of latencies and one of throughput."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint-name", default="scones-unlimited", help="an endpoint in service (%(default)s)")
    parser.add_argument("--requests", type=int, default=1000, help="of each kind, one after the other (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="of load for each number of clients (%(default)s)")
    arguments = parser.parse_args()
    image = photo()
    with served_model(arguments.endpoint_name) as model:
        calls = {
            "in process": lambda: model.classify(image),
            "signed HTTP": signed_call(arguments.endpoint_name, image),
            "boto3": boto3_call(arguments.endpoint_name, image),
        }
        print_latencies(latencies(calls, arguments.requests))
    print("\nclients  requests/s")
    for clients in CLIENTS:
        rate = throughput(arguments.endpoint_name, image, clients, arguments.seconds)
        print(f"{clients:7d}  {rate:10.0f}")


def photo() -> bytes:
    """Return a 32x32 PNG of noise."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@contextmanager
def served_model(endpoint_name: str) -> Iterator[Model]:
    """Yield the model that the endpoint serves, loaded in this process."""
    sagemaker = boto3.client("sagemaker")
    try:
        config_name = sagemaker.describe_endpoint(EndpointName=endpoint_name)["EndpointConfigName"]
    except ClientError as err:
        sys.exit(f"There is no endpoint to measure: {err}")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    location = urlsplit(model["PrimaryContainer"]["ModelDataUrl"])
    archive = boto3.client("s3").get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"].read()
    with tempfile.TemporaryDirectory() as directory:
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            members.extractall(directory, filter="data")
        yield Model(Path(directory))


def boto3_call(endpoint_name: str, image: bytes) -> Call:
    runtime = boto3.client("sagemaker-runtime")

    def call() -> bytes:
        return runtime.invoke_endpoint(EndpointName=endpoint_name, ContentType="image/png", Body=image)["Body"].read()

    return call


def signed_call(endpoint_name: str, image: bytes) -> Call:
    """Return a call over its own connection."""
    session = boto3.Session()
    credentials = session.get_credentials()
    assert credentials is not None, "signing needs the credentials of an environment or a profile"
    address = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(address.netloc)
    signer = SigV4Auth(credentials, "sagemaker", session.region_name)
    path = f"/endpoints/{endpoint_name}/invocations"

    def call() -> bytes:
        request = AWSRequest("POST", f"http://{address.netloc}{path}", {"Content-Type": "image/png"}, image)
        signer.add_auth(request)
        connection.request("POST", path, image, dict(request.headers))
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body

    return call


def latencies(calls: dict[str, Call], number: int) -> dict[str, list[float]]:
    """Return the milliseconds of each call; the kinds take turns."""
    for call in calls.values():
        for _ in range(WARM_UP):
            call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(number):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(1000 * (time.perf_counter() - start))
    return times


def print_latencies(times: dict[str, list[float]]) -> None:
    own = float(np.median(times["in process"]))
    print("one after the other   median ms   p90 ms   p99 ms   added ms")
    for name, values in times.items():
        median, p90, p99 = np.percentile(values, [50, 90, 99])
        print(f"{name:20s} {median:10.2f} {p90:8.2f} {p99:8.2f} {median - own:10.2f}")


def throughput(endpoint_name: str, image: bytes, clients: int, seconds: float) -> float:
    """Return the requests per second of several clients at once, each with its own connection."""
    deadline = time.perf_counter() + seconds

    def load(_: int) -> int:
        call, answered = signed_call(endpoint_name, image), 0
        while time.perf_counter() < deadline:
            call()
            answered += 1
        return answered

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(load, range(clients))) / seconds


if __name__ == "__main__":
    main()
