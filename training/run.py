"""The command line of the steps: `python training/run.py [STEP] [options]`, which is also installed as `scones`.

Each step imports its heavy libraries itself, so that `--help` answers at once.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from training.arguments import options_for, parse
from training.config import STEPS, run_directory
from training.context import Clients, Context
from training.errors import TrainingError
from training.options import DeployOptions, ExecutionsOptions, MonitorOptions, StageOptions, TrainOptions
from training.results import Dataset, Deployment, Executions, Monitoring, RunResults, TrainedModel, load, save

if TYPE_CHECKING:
    from rich.console import Console

DEFAULT_REGION = "us-east-1"  # when neither the environment nor a profile names one


def main(argv: Sequence[str] | None = None) -> int:
    """Run the steps that the command line names; returns the exit code."""
    arguments = parse(argv)
    from botocore.exceptions import BotoCoreError, ClientError
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    try:
        figures = run_steps(connect(arguments.stack_name, console), arguments)
    except (TrainingError, ClientError, BotoCoreError) as err:
        console.print(f"[red]error:[/] {escape(explain(err))}", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted: run the same command to resume.")
        return 130
    show(figures, arguments, console)
    return 0


def connect(stack_name: str, console: "Console") -> Context:
    """Return the context of a run on a deployed stack.

    Raises:
        StackError: There are no credentials or no such stack.
    """
    import boto3

    from training.stack import describe

    clients = Clients(boto3.Session(region_name=boto3.Session().region_name or DEFAULT_REGION))
    stack = describe(clients.cloudformation, stack_name)
    directory = run_directory(stack.name)
    directory.mkdir(parents=True, exist_ok=True)
    console.print(f"Stack [bold]{stack.name}[/] in {stack.region}, bucket {stack.bucket}", highlight=False)
    return Context(stack, directory, console, clients)


def run_steps(context: Context, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one step or all; returns what cleanup deleted, or the figures of every step that has been run."""
    from training import summary

    if arguments.step == "cleanup":
        return {"deleted": cleanup(context)}
    for name in STEPS if arguments.step == "all" else [arguments.step]:
        context.console.rule(f"[bold]{name}", align="left")
        started = time.monotonic()
        result = STEP_FUNCTIONS[name](context, arguments)
        save(context.directory, name, result, time.monotonic() - started)
    return summary.collect(context.directory, context.stack)


def show(figures: dict[str, Any], arguments: argparse.Namespace, console: "Console") -> None:
    """Print the figures, to stdout as JSON or to the console as a table; after a whole run, what to type next."""
    from training import summary

    if arguments.json:
        print(json.dumps(figures))
        return
    if arguments.step != "cleanup":
        console.print(summary.table(figures))
    if arguments.step == "all":
        commands = summary.next_commands(figures["report"], arguments.stack_name)
        console.print("\nNext, in a new shell:", *commands, sep="\n  ", markup=False, highlight=False, soft_wrap=True)


def explain(err: Exception) -> str:
    """Return one sentence: what was wrong and what to do."""
    from botocore.exceptions import ConnectionError, HTTPClientError, NoCredentialsError

    from training.stack import MISSING_CREDENTIALS

    if isinstance(err, NoCredentialsError):
        return MISSING_CREDENTIALS
    details: dict[str, Any] = dict(err.kwargs) if isinstance(err, ConnectionError | HTTPClientError) else {}
    if "endpoint_url" not in details:
        return str(err)
    url = urlsplit(details["endpoint_url"])
    local = url.hostname in ("127.0.0.1", "localhost", "::1")
    remedy = "start the local AWS with `make up`" if local else "check the network and the region's name"
    return f"{url.scheme}://{url.netloc} does not answer: {remedy}."


# The steps: each is imported when it runs, and takes the results of earlier ones from the run's directory. -----


def stage(context: Context, arguments: argparse.Namespace) -> Dataset:
    from training import stage

    return stage.stage(context, options_for(StageOptions, arguments))


def train(context: Context, arguments: argparse.Namespace) -> TrainedModel:
    from training import train

    return train.train(context, load(context.directory, "stage", Dataset), options_for(TrainOptions, arguments))


def deploy(context: Context, arguments: argparse.Namespace) -> Deployment:
    from training import deploy

    dataset = load(context.directory, "stage", Dataset)
    model = load(context.directory, "train", TrainedModel)
    return deploy.deploy(context, dataset, model, options_for(DeployOptions, arguments))


def run_executions(context: Context, arguments: argparse.Namespace) -> Executions:
    from training import executions

    return executions.run_executions(context, options_for(ExecutionsOptions, arguments))


def monitor(context: Context, arguments: argparse.Namespace) -> Monitoring:
    from training import monitor

    results = RunResults(
        dataset=load(context.directory, "stage", Dataset),
        model=load(context.directory, "train", TrainedModel),
        deployment=load(context.directory, "deploy", Deployment),
        executions=load(context.directory, "test", Executions),
    )
    return monitor.monitor(context, results, options_for(MonitorOptions, arguments))


def cleanup(context: Context) -> list[str]:
    from training import cleanup

    return cleanup.cleanup(context)


STEP_FUNCTIONS: dict[str, Callable[[Context, argparse.Namespace], Any]] = {
    "stage": stage,
    "train": train,
    "deploy": deploy,
    "test": run_executions,
    "monitor": monitor,
}

if __name__ == "__main__":
    sys.exit(main())
