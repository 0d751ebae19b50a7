"""Runs the steps in order, and hands the results of one to the next.

Each step is imported when it runs and imports its heavy libraries then.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from training import atomic
from training.arguments import options_for
from training.config import NO_STEPS, run_directory, steps_of
from training.context import Clients, Context
from training.errors import StackError
from training.options import (
    BatchOptions,
    DeployOptions,
    ExecutionsOptions,
    MonitorOptions,
    ReviewOptions,
    StageOptions,
    ThresholdOptions,
    TrafficOptions,
    TrainOptions,
)
from training.region import choose_region, command_for
from training.results import (
    Dataset,
    Deployment,
    Executions,
    Monitoring,
    RunResults,
    TrainedModel,
    load,
    save,
    seconds_of,
)

if TYPE_CHECKING:
    from rich.console import Console

CORRECT_SETTINGS = "correct the environment variable or the profile that has it; an endpoint URL reads http://HOST:PORT"


def connect(arguments: argparse.Namespace, console: "Console") -> Context:
    """Return the context of a run on a deployed stack.

    Raises:
        StackError: There are no credentials or no such stack, or the AWS settings cannot be used.
    """
    from rich.text import Text

    from training.stack import describe

    clients = make_clients(getattr(arguments, "region", None))
    stack = describe(clients.cloudformation, arguments.stack_name)
    where = f"in {stack.region}, bucket {stack.bucket}"
    console.print("Stack", Text(stack.name, "bold"), where, highlight=False)
    return Context(stack, run_directory(stack.name), console, clients)


def make_clients(region: str | None) -> Clients:
    """Return the clients of the account that the environment and its profile name, in a region.

    Args:
        region: None for the one that samconfig.toml, the environment or its profile names.

    Raises:
        StackError: There is no such region, or a setting of the environment or the profile cannot be used.
    """
    import boto3

    try:
        clients = Clients(boto3.Session(region_name=choose_region(region)))
        endpoint_url = clients.cloudformation.meta.endpoint_url
    except ValueError as err:
        raise StackError(f"The AWS settings of this shell cannot be used ({err}): {CORRECT_SETTINGS}.") from err
    if not is_usable(endpoint_url):
        raise StackError(f"The AWS endpoint URL {endpoint_url} cannot be used: {CORRECT_SETTINGS}.")
    return clients


def is_usable(endpoint_url: str) -> bool:
    """Tell whether a request can be sent to the URL; the SDK accepts others too and fails when it sends."""
    try:
        url = urlsplit(endpoint_url)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # the port is no number, or too large
        return False


@contextmanager
def telling_what_runs_on(context: Context, step: str) -> Iterator[None]:
    """Tell at the end, also of a step that failed, what the endpoint costs that is left in service."""
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except KeyboardInterrupt:  # the user does not wait for requests now
        shown = command_for(context.stack, "status")
        context.console.print(f"What was started on AWS runs on: {shown}", highlight=False, soft_wrap=True)
        raise
    except Exception as err:
        if not isinstance(err, BotoCoreError):  # without network or credentials the next request would fail, too
            tell_what_runs_on(context, step)
        raise
    tell_what_runs_on(context, step)


def tell_what_runs_on(context: Context, step: str) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    from training import running

    if step in NO_STEPS:
        return
    try:
        sentences = running.notices(running.find_all(context), command_for(context.stack, "cleanup"))
    except (ClientError, BotoCoreError) as err:
        name = context.stack.endpoint_name
        sentences = [f"Whether the endpoint {name} costs money is not readable: {running.one_line(err)}"]
    if sentences:
        context.console.print("", *sentences, sep="\n", highlight=False, soft_wrap=True)


def run_steps(context: Context, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one step or all; returns a status, a plan, what cleanup deleted, or the figures of every step that was run.

    Raises:
        PlanError: A step would be refused or cost too much, or nobody agreed to its cost.
        OSError: The run's directory cannot be written. Cleanup does not need it: a full disk must not cost money.
    """
    from rich.text import Text

    from training import plan, summary

    if arguments.step == "status":
        return status(context, arguments)
    if arguments.step == "cleanup":
        return {"deleted": cleanup(context, arguments)}
    if getattr(arguments, "dry_run", False):
        return SEPARATE.get(arguments.step, plan.review)(context, arguments)
    context.directory.mkdir(parents=True, exist_ok=True)
    atomic.check_writable(context.directory)
    if arguments.step in SEPARATE:
        return SEPARATE[arguments.step](context, arguments)
    if "schedule" in arguments:
        return schedule_monitoring(context, arguments)
    plan.review(context, arguments)
    for name in steps_of(arguments.step):
        context.console.rule(Text(name, "bold"), align="left")
        started = time.monotonic()
        result = STEP_FUNCTIONS[name](context, arguments)
        save(context.directory, name, result, time.monotonic() - started)
        if name == "deploy":
            renew_schedule(context)
    return summary.collect(context.directory, context.stack)


# The steps: each is imported when it runs, and takes the results of earlier ones from the run's directory. -----


def stage(context: Context, arguments: argparse.Namespace) -> Dataset:
    from training import stage

    return stage.stage(context, options_for(StageOptions, arguments))


def train(context: Context, arguments: argparse.Namespace) -> TrainedModel:
    from training import train

    dataset, options = load(context.directory, "stage", Dataset), options_for(TrainOptions, arguments)
    if options.with_reviewed:
        from training.learning import step as learning

        dataset = learning.add_reviewed(context, dataset)
        save(context.directory, "stage", dataset, seconds_of(context.directory, "stage") or 0.0)
    return train.train(context, dataset, options)


def deploy(context: Context, arguments: argparse.Namespace) -> Deployment:
    from training import deploy

    dataset = load(context.directory, "stage", Dataset)
    model = load(context.directory, "train", TrainedModel)
    return deploy.deploy(context, dataset, model, options_for(DeployOptions, arguments))


def run_executions(context: Context, arguments: argparse.Namespace) -> Executions:
    from training import executions

    dataset = load(context.directory, "stage", Dataset)
    return executions.run_executions(context, dataset, options_for(ExecutionsOptions, arguments))


def monitor(context: Context, arguments: argparse.Namespace) -> Monitoring:
    from training import monitor

    results = RunResults(
        dataset=load(context.directory, "stage", Dataset),
        model=load(context.directory, "train", TrainedModel),
        deployment=load(context.directory, "deploy", Deployment),
        executions=load(context.directory, "test", Executions),
    )
    return monitor.monitor(context, results, options_for(MonitorOptions, arguments))


def schedule_monitoring(context: Context, arguments: argparse.Namespace) -> dict[str, Any]:
    from training.watch import step

    return {"schedule": step.schedule_monitoring(context, options_for(MonitorOptions, arguments))}


def renew_schedule(context: Context) -> None:
    """Let scheduled runs of monitor look at what has just been deployed."""
    from training.watch import renewal

    renewal.renew(context, datetime.now(UTC))


def batch(context: Context, arguments: argparse.Namespace) -> dict[str, Any]:
    """Start a batch, or join one; returns its figures, or in a dry run its plan."""
    from training import plan
    from training.batch import start, step

    options = options_for(BatchOptions, arguments)
    if options.join is not None:
        return {"batch": step.finish(context, start.find(context, options.join))}
    prepared = step.prepare(context, options)
    planned = plan.decide(context, arguments, prepared.estimate, lambda: prepared.checks)
    if arguments.dry_run:
        return planned
    return {"batch": step.finish(context, start.start(context, prepared.source, prepared.settings))}


def review(context: Context, arguments: argparse.Namespace) -> dict[str, Any]:
    """Let photos be reviewed, or hand answers over by files; returns what follows from all answers."""
    from training.review import step

    return {"review": step.review(context, step.subject(context), options_for(ReviewOptions, arguments))}


def threshold(context: Context, arguments: argparse.Namespace) -> dict[str, Any]:
    from training.threshold import step

    return {"threshold": step.choose(context, options_for(ThresholdOptions, arguments))}


def traffic(context: Context, arguments: argparse.Namespace) -> dict[str, Any]:
    """Send photos; returns their figures, or in a dry run the plan."""
    from training import plan
    from training.traffic import step

    prepared = step.prepare(context, options_for(TrafficOptions, arguments))
    planned = plan.decide(context, arguments, prepared.estimate, lambda: prepared.checks)
    return planned if arguments.dry_run else {"traffic": step.send(context, prepared)}


def cleanup(context: Context, arguments: argparse.Namespace) -> list[str]:
    from training import cleanup

    return cleanup.cleanup(context, everything="everything" in arguments)


def status(context: Context, arguments: argparse.Namespace) -> dict[str, Any]:
    from training.status import figures, parts, table

    found = parts.read(context)
    if not arguments.json:
        context.console.print(table.table(found, command_for(context.stack, "cleanup")))
    return figures.figures(found)


SEPARATE: dict[str, Callable[[Context, argparse.Namespace], dict[str, Any]]] = {
    "batch": batch,
    "review": review,
    "threshold": threshold,
    "traffic": traffic,
}
STEP_FUNCTIONS: dict[str, Callable[[Context, argparse.Namespace], Any]] = {
    "stage": stage,
    "train": train,
    "deploy": deploy,
    "test": run_executions,
    "monitor": monitor,
}
