"""Measure what an endpoint adds to its model: latency, and requests a second with 1 to 64 clients, batch of 1.

    python -m localcloud exec -- python benchmarks/endpoint.py --endpoint-name scones-unlimited

The endpoint must be in service. The same model, from the archive that the endpoint serves, answers the same PNG in
this process. InvokeEndpoint is called through boto3 and through a plain HTTP client that signs each request itself,
both over connections that are kept open, which shows the cost of the client. Then the serving program is started with
one worker on one core, with one worker for each core, and with one worker whose ONNX Runtime has a thread for each
core. Each is compared under load with ONNX Runtime alone on as many cores, and with InvokeEndpoint. What is compared
takes turns, so that this machine's other load affects all equally.

Measured on 2 cores: 1.5 ms in process, 4.7 ms by signed HTTP, 6.2 ms by boto3. With 8 clients, requests a second: one
worker on one core 821, as many as ONNX Runtime alone; two workers 1,455, 78 % of ONNX Runtime in two processes; one
worker with two threads 918; InvokeEndpoint 703, and 661 with 64 clients.
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

from benchmarks.raw_client import post, requests_per_second  # noqa: E402  # needs the line above
from benchmarks.throughput import print_throughput  # noqa: E402
from training.algorithm.model import Model  # noqa: E402

WARM_UP = 50  # calls

Call = Callable[[], object]
SESSION = boto3.Session()


def main() -> None:
    """Print a table of latencies and one of throughput."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint-name", default="scones-unlimited", help="an endpoint in service (%(default)s)")
    parser.add_argument("--requests", type=int, default=1000, help="of each kind, one after the other (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="of load for each figure (%(default)s)")
    arguments = parser.parse_args()
    image = photo()
    with served_model(arguments.endpoint_name) as base:
        model = Model(base / "model")
        calls = {
            "in process": lambda: model.classify(image),
            "signed HTTP": signed_call(arguments.endpoint_name, image),
            "boto3": boto3_call(arguments.endpoint_name, image),
        }
        print_latencies(latencies(calls, arguments.requests))
        print_throughput(base, image, invocations(arguments.endpoint_name, image), arguments.seconds)


def photo() -> bytes:
    """Return a 32x32 PNG of noise."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@contextmanager
def served_model(endpoint_name: str) -> Iterator[Path]:
    """Yield a directory whose `model/` has the model that the endpoint serves."""
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
            members.extractall(Path(directory, "model"), filter="data")
        yield Path(directory)


def boto3_call(endpoint_name: str, image: bytes) -> Call:
    runtime = boto3.client("sagemaker-runtime")

    def call() -> bytes:
        return runtime.invoke_endpoint(EndpointName=endpoint_name, ContentType="image/png", Body=image)["Body"].read()

    return call


def signed_call(endpoint_name: str, image: bytes) -> Call:
    """Return a call over its own connection; each request is signed."""
    connection = http.client.HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)

    def call() -> bytes:
        path, headers = signed(endpoint_name, image)
        connection.request("POST", path, image, headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body

    return call


def signed(endpoint_name: str, image: bytes) -> tuple[str, dict[str, str]]:
    """Return the path and the headers of a signed request."""
    credentials = SESSION.get_credentials()
    assert credentials is not None, "signing needs the credentials of an environment or a profile"
    path = f"/endpoints/{endpoint_name}/invocations"
    request = AWSRequest("POST", os.environ["AWS_ENDPOINT_URL"] + path, {"Content-Type": "image/png"}, image)
    SigV4Auth(credentials, "sagemaker", SESSION.region_name).add_auth(request)
    return path, dict(request.headers)


def invocations(endpoint_name: str, image: bytes) -> Callable[[int, float], float]:
    """Return what measures InvokeEndpoint: clients and seconds -> requests a second. A signature holds for minutes."""
    address = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    assert address.hostname == "127.0.0.1" and address.port, "the clients here speak to this machine only"
    port = address.port

    def measure(clients: int, seconds: float) -> float:
        path, headers = signed(endpoint_name, image)
        request = post(path, {"Host": address.netloc, "Content-Length": str(len(image)), **headers}, image)
        return requests_per_second(port, request, clients, seconds)

    return measure


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


if __name__ == "__main__":
    main()
