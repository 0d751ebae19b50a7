"""How many requests a second a model answers: in ONNX Runtime alone, in our server, and behind InvokeEndpoint."""

import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.raw_client import post, requests_per_second
from localcloud.ports import free_port
from localcloud.sagemaker.containers import answers_ping
from training.algorithm.model import Model
from training.algorithm.workers import usable_cores

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = (1, 2, 4, 8, 16, 32, 64)
ROUNDS = 3
SERVER = ("-m", "training.algorithm", "serve")

Measure = Callable[[int, float], float]  # clients and seconds -> requests a second


@dataclass(frozen=True)
class Kind:
    """What is put under load."""

    name: str
    measure: Measure
    bare: float  # requests/s of ONNX Runtime alone on as many cores


def print_throughput(base: Path, image: bytes, invoke: Measure, seconds: float) -> None:
    """Print the rates of bare ONNX Runtime and of each server, as shares of bare ONNX Runtime on as many cores.

    Args:
        base: Has the model in `model/`.
        invoke: Measures InvokeEndpoint.
        seconds: Of load for each figure; the servers take turns.
    """
    cores, model = usable_cores(), base / "model"
    one, all_cores = bare_rate(model, image, seconds), bare_rate(model, image, seconds, processes=cores)
    split = bare_rate(model, image, seconds, threads=cores)
    print(f"\nrequests/s of ONNX Runtime alone\n{'one core':20s} {one:10.0f}")
    print(f"{f'{cores} processes':20s} {all_cores:10.0f}\n{f'{cores} threads':20s} {split:10.0f}\n\nrequests/s")
    request = post("/invocations", {"Content-Type": "image/png", "Content-Length": str(len(image))}, image)
    threaded = (str(ROOT / "benchmarks/threaded_server.py"), str(cores))
    with ExitStack() as stack:

        def served(name: str, bare: float, port: AbstractContextManager[int]) -> Kind:
            return Kind(name, partial(requests_per_second, stack.enter_context(port), request), bare)

        print_rates(
            [
                served("1 worker, 1 core", one, server(base, 1, only_core=True)),
                served(f"{cores} workers", all_cores, server(base, cores)),
                served(f"1 worker, {cores} threads", all_cores, server(base, 1, threaded)),
                Kind("InvokeEndpoint", invoke, all_cores),
            ],
            seconds,
        )


def print_rates(kinds: Sequence[Kind], seconds: float) -> None:
    print("clients" + "".join(f"{kind.name:>24s}" for kind in kinds))
    for clients in CLIENTS:
        rounds = [[kind.measure(clients, seconds / ROUNDS) for kind in kinds] for _ in range(ROUNDS)]
        rates = zip(kinds, map(statistics.median, zip(*rounds, strict=True)), strict=True)
        print(f"{clients:7d}" + "".join(f"{rate:16.0f} ({rate / kind.bare:4.0%})" for kind, rate in rates), flush=True)


@contextmanager
def server(base: Path, workers: int, program: Sequence[str] = SERVER, only_core: bool = False) -> Iterator[int]:
    """Run a serving program and yield its port.

    Args:
        only_core: It may use one core, where the operating system can be told so.
    """
    port = free_port()
    environment = os.environ | {
        "SAGEMAKER_BASE_DIR": str(base),
        "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(workers),
    }
    command = [sys.executable, *program]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            if only_core and sys.platform == "linux":
                os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
            while not answers_ping(port):
                assert process.poll() is None, "The server has ended."
                time.sleep(0.05)
            time.sleep(1)  # the other workers load the model
            yield port
        finally:
            process.terminate()


def bare_rate(model: Path, image: bytes, seconds: float, processes: int = 1, threads: int = 1) -> float:
    """Return how many photos a second ONNX Runtime classifies, decoding included.

    Args:
        threads: Of each process, among which one photo's work is split.
    """
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return sum(pool.starmap(classify, [(model, image, seconds, threads)] * processes, 1))


def classify(model: Path, image: bytes, seconds: float, threads: int) -> float:
    """Classify one photo again and again in this process; returns how often a second."""
    loaded, done = Model(model, threads), 0
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        loaded.classify(image)
        done += 1
    return done / seconds
