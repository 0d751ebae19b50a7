"""How many requests a second a model answers: in ONNX Runtime alone, in our server, and behind InvokeEndpoint."""

import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.raw_client import post, requests_per_second
from localcloud.ports import free_port
from localcloud.sagemaker.containers import answers_ping
from training.algorithm.model import Model
from training.algorithm.workers import usable_cores

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = (1, 2, 4, 16, 64)
ROUNDS = 3

Measure = Callable[[int, float], float]  # clients and seconds -> requests a second


def print_throughput(base: Path, image: bytes, invoke: Measure, seconds: float) -> None:
    """Print the rates of bare ONNX Runtime and of each server, as shares of bare ONNX Runtime on all cores.

    Args:
        base: Has the model in `model/`.
        invoke: Measures InvokeEndpoint.
        seconds: Of load for each figure; the servers take turns.
    """
    cores = usable_cores()
    bare = {number: bare_rate(base / "model", image, number, seconds) for number in sorted({1, cores})}
    print("\nrequests/s")
    for number, rate in bare.items():
        print(f"ONNX Runtime alone, {number} process{'es' * (number > 1)}: {rate:.0f}")
    with ExitStack() as stack:
        servers = {f"server, {n} worker{'s' * (n > 1)}": stack.enter_context(server(base, n)) for n in bare}
        request = post("/invocations", {"Content-Type": "image/png", "Content-Length": str(len(image))}, image)
        kinds: dict[str, Measure] = {
            name: partial(requests_per_second, port, request) for name, port in servers.items()
        }
        print_rates(kinds | {"InvokeEndpoint": invoke}, bare[cores], seconds)


def print_rates(kinds: Mapping[str, Measure], bare: float, seconds: float) -> None:
    print("clients" + "".join(f"{name:>24s}" for name in kinds))
    for clients in CLIENTS:
        rounds = [{name: measure(clients, seconds / ROUNDS) for name, measure in kinds.items()} for _ in range(ROUNDS)]
        rates = [statistics.median(found[name] for found in rounds) for name in kinds]
        print(f"{clients:7d}" + "".join(f"{rate:16.0f} ({rate / bare:4.0%})" for rate in rates))


@contextmanager
def server(base: Path, workers: int) -> Iterator[int]:
    """Run the serving program and yield its port."""
    port = free_port()
    environment = os.environ | {
        "SAGEMAKER_BASE_DIR": str(base),
        "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(workers),
    }
    command = [sys.executable, "-m", "training.algorithm", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            while not answers_ping(port):
                assert process.poll() is None, "The server has ended."
                time.sleep(0.05)
            time.sleep(1)  # the other workers load the model
            yield port
        finally:
            process.terminate()


def bare_rate(model: Path, image: bytes, processes: int, seconds: float) -> float:
    """Return how many photos a second ONNX Runtime classifies, decoding included."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return sum(pool.starmap(classify, [(model, image, seconds)] * processes, 1))


def classify(model: Path, image: bytes, seconds: float) -> float:
    """Classify one photo again and again in this process; returns how often a second."""
    loaded, done = Model(model), 0
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        loaded.classify(image)
        done += 1
    return done / seconds
