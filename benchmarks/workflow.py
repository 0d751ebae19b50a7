"""Measure the workflow of a deployed stack: executions per second, and an execution's overhead beyond its functions.

    python -m localcloud exec -- python benchmarks/workflow.py --executions 500

Images must be staged and the endpoint in service: `python training/run.py stage`, `train` and `deploy`. All executions
are started at once, as `run.py test` does. The functions' own durations are those that Lambda reports in their logs,
init phases included. With the local cloud, the memory of its processes is measured too.

Measured on 2 cores, warm. 500 executions at once: 49 executions and 147 invocations a second, 26 ms of CPU each (server
15, functions 9, endpoint 2). 5,000 at once: 50 a second, 26 ms of CPU each, none lost, 2,675 succeeded and 2,325 below
the threshold (a model of 12 epochs); the server had 550 MiB. With six functions at a time instead of four it was
slower: 32 to 39 a second against 35 to 44 of 2,000. The rest of the two cores goes to this program, which starts and
lists the executions. One execution alone takes 8 to 12 ms beyond its functions.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import psutil
from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from training import executions as step  # noqa: E402  # needs the line above
from training import stack as stacks  # noqa: E402
from training.context import Clients, Context  # noqa: E402

FUNCTIONS = ("serializeImageData", "classifyImage", "filterInferences")
# What only the processes of one kind have in their environment; their commands may change.
KINDS = {
    "AWS_LAMBDA_RUNTIME_API": "functions",
    "SAGEMAKER_BIND_TO_PORT": "endpoint",
    "SAGEMAKER_BASE_DIR": "training",  # an endpoint has it too
}


@dataclass(frozen=True)
class Work:
    """The work that the functions report for one run; times in seconds."""

    invocations: int
    cold: int
    init: float
    handlers: float


class Memory:
    """Records the peak resident memory of the local cloud's processes, in MiB; 0 on AWS."""

    def __init__(self) -> None:
        self.peak: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            now = cloud_memory()
            if now.total() > self.peak.total():
                self.peak = now


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stack-name", default="scones-unlimited", help="a deployed stack (%(default)s)")
    parser.add_argument("--executions", type=int, default=500, help="started at once (%(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="the first one is cold (%(default)s)")
    arguments = parser.parse_args()
    clients = Clients(boto3.Session())
    stack = stacks.describe(clients.cloudformation, arguments.stack_name)
    context = Context(stack, Path(), Console(stderr=True), clients)
    keys = step.list_test_images(clients.s3, stack.bucket)
    idle = cloud_memory()
    print(f"idle memory: {describe_memory(idle)}")
    for number in range(1, arguments.rounds + 1):
        print(f"\nround {number}: {arguments.executions} executions of {arguments.stack_name}")
        run = f"bench-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        chosen = step.choose(keys, arguments.executions, seed=number)
        events = {f"{run}-{i:05d}": step.event_for(stack.bucket, key) for i, key in enumerate(chosen)}
        measure(context, events)


def measure(context: Context, events: dict[str, dict[str, Any]]) -> None:
    """Run all executions and print what was measured."""
    began_at = int(time.time() * 1000)
    processor_before = cloud_processor_seconds()
    began = time.monotonic()
    with Memory() as memory:
        workflow = step.run_all(context, events, len(events))
    seconds = time.monotonic() - began
    processor = describe_processor(processor_before, len(events))
    outcomes = step.read_outcomes(workflow)
    work = reported_work(context.stack.name, began_at)
    per_execution = 1000 / len(events)  # seconds to milliseconds
    print_row("outcomes", str(outcomes["outcome"].value_counts().to_dict()))
    print_row("executions/s", f"{len(events) / seconds:.1f} ({seconds:.1f} s)")
    print_row("invocations/s", f"{work.invocations / seconds:.1f} ({work.invocations}, {work.cold} cold)")
    print_row("its functions", f"{work.handlers * per_execution:.0f} ms, and {work.init * per_execution:.0f} ms init")
    print_row("CPU of the cloud", processor)
    print_row("peak memory", describe_memory(memory.peak))
    alone(context, next(iter(events.values())))


def alone(context: Context, event: dict[str, Any], times: int = 10) -> None:
    """Print the overhead of one execution beyond its functions when nothing else runs."""
    client = context.clients.stepfunctions
    began_at = int(time.time() * 1000)
    seconds = 0.0
    for _ in range(times):
        started = client.start_execution(stateMachineArn=context.stack.state_machine_arn, input=json.dumps(event))
        execution = started["executionArn"]
        while (described := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.01)
        seconds += (described["stopDate"] - described["startDate"]).total_seconds()
    work = reported_work(context.stack.name, began_at)
    beyond = (seconds - work.handlers - work.init) / times * 1000
    print_row("one at a time", f"{seconds / times * 1000:.0f} ms, of which {beyond:.0f} ms beyond its functions")


def print_row(label: str, value: str) -> None:
    print(f"  {label:18}{value}")


def reported_work(stack_name: str, since: int) -> Work:
    """Sum up the platform.report events of the functions since a time in milliseconds."""
    with ThreadPoolExecutor(len(FUNCTIONS)) as pool:
        found = pool.map(lambda name: reports(f"/aws/lambda/{stack_name}-{name}", since), FUNCTIONS)
    metrics = [report for function in found for report in function]
    inits = [report["initDurationMs"] / 1000 for report in metrics if "initDurationMs" in report]
    return Work(len(metrics), len(inits), sum(inits), sum(report["durationMs"] for report in metrics) / 1000)


def reports(log_group: str, since: int) -> list[dict[str, float]]:
    """Return the metrics of each platform.report event of a function since a time in milliseconds."""
    paginator = boto3.client("logs").get_paginator("filter_log_events")
    pages = paginator.paginate(logGroupName=log_group, startTime=since, filterPattern='"platform.report"')
    messages = [json.loads(event["message"]) for page in pages for event in page["events"]]
    return [message["record"]["metrics"] for message in messages if message.get("type") == "platform.report"]


# The local cloud's processes -------------------------------------------------------------------------------------


def cloud_processes() -> list[psutil.Process]:
    """Return the server that listens at AWS_ENDPOINT_URL and all its descendants; none when it is AWS."""
    server = server_at(os.environ.get("AWS_ENDPOINT_URL", "").rpartition(":")[2])
    return [server, *server.children(recursive=True)] if server else []


@cache  # reading all connections twice a second took a sixth of a core
def server_at(port: str) -> psutil.Process | None:
    connections = psutil.net_connections("tcp")
    listening = [one.pid for one in connections if one.status == "LISTEN" and one.laddr and str(one.laddr[1]) == port]
    return psutil.Process(listening[0]) if listening and listening[0] is not None else None


def cloud_memory() -> Counter[str]:
    """Return the resident MiB of the server and of each kind of its processes."""
    memory: Counter[str] = Counter()
    for number, process in enumerate(cloud_processes()):
        try:
            memory["server" if number == 0 else kind_of(process)] += round(process.memory_info().rss / 2**20)
        except psutil.NoSuchProcess:
            continue
    return memory


def kind_of(process: psutil.Process) -> str:
    """Return what a process of the cloud does: functions, endpoint or training."""
    environment = process.environ()
    return next((kind for variable, kind in KINDS.items() if variable in environment), "other")


def describe_memory(memory: Counter[str]) -> str:
    return f"{memory.total()} MiB ({', '.join(f'{kind} {mib}' for kind, mib in sorted(memory.items()))})"


def cloud_processor_seconds() -> dict[str, float]:
    """Return the CPU seconds of the server and of each kind of its processes, their ended children included."""
    seconds: dict[str, float] = {}
    for number, process in enumerate(cloud_processes()):
        kind = "server" if number == 0 else kind_of(process)
        seconds[kind] = seconds.get(kind, 0) + sum(process.cpu_times()[:4])
    return seconds


def describe_processor(before: dict[str, float], number: int) -> str:
    """Return the CPU milliseconds since a measurement, for each of so many photos or executions."""
    now = cloud_processor_seconds()
    spent = {kind: (now[kind] - before.get(kind, 0)) / number * 1000 for kind in sorted(now)}
    kinds = ", ".join(f"{kind} {milliseconds:.1f}" for kind, milliseconds in spent.items())
    return f"{sum(spent.values()):.1f} ms each ({kinds})"


if __name__ == "__main__":
    main()
