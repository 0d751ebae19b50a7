"""Command line of the training steps: `python training/run.py [all|stage|train|deploy|test|monitor|cleanup]`.

Heavy libraries are imported by the step that needs them, so that `--help` answers at once.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path[0] = str(Path(__file__).resolve().parents[1])  # the checkout, not training/, is where imports start

from training.config import PUBLIC_ARCHIVE_MD5, PUBLIC_ARCHIVE_URL, STEPS, Stack, run_directory  # noqa: E402
from training.errors import ArchiveUnavailableError, TrainingError  # noqa: E402
from training.options import SAMPLE, hyperparameters, parser  # noqa: E402
from training.results import (  # noqa: E402
    Dataset,
    Deployment,
    Executions,
    Monitoring,
    TrainedModel,
    load,
    save,
)

if TYPE_CHECKING:
    import boto3
    from rich.console import Console

DEFAULT_REGION = "us-east-1"  # when neither the environment nor a profile names one


@dataclass
class Run:
    """One call of the command line: the clients it needs, made when they are needed, and its steps."""

    options: argparse.Namespace
    console: "Console"
    session: "boto3.Session"

    @cached_property
    def directory(self) -> Path:
        return run_directory(self.options.stack_name)

    @cached_property
    def stack(self) -> Stack:
        from training.stack import describe

        return describe(self.session.client("cloudformation"), self.options.stack_name)

    def stage(self) -> Dataset:
        from training.stage import stage

        return stage(
            self.stack, self.archive(), self.options.classes, self.options.validation_share, self.options.seed,
            self.directory / "dataset", self.session.client("s3", config=pool_config()), self.console,
        )  # fmt: skip

    def archive(self) -> Path:
        """Return the archive on this machine: fetched, given, or made."""
        from training.dataset import download, sample

        cache = Path("runs") / "archives"
        source, checksum = self.options.archive, getattr(self.options, "archive_checksum", None)
        if source == PUBLIC_ARCHIVE_URL and not checksum:
            checksum = f"md5:{PUBLIC_ARCHIVE_MD5}"
        if source == SAMPLE:
            return sample.write(cache)
        try:
            return download.fetch(source, checksum, cache, self.console)
        except ArchiveUnavailableError as err:
            if not self.options.sample_if_unavailable:
                raise
            self.console.print(f"[yellow]{err}[/]\nThe built-in sample is used instead: drawings, not photos.")
            return sample.write(cache)

    def train(self) -> TrainedModel:
        from training.train import TrainingOptions, train

        dataset = load(self.directory, "stage", Dataset)
        options = TrainingOptions(
            self.options.instance_type, self.options.max_runtime, self.options.seed, hyperparameters(self.options)
        )
        return train(
            self.stack, dataset, options, self.directory, self.session, self.session.client("logs"), self.console
        )

    def deploy(self) -> Deployment:
        from training.deploy import deploy

        return deploy(
            self.stack, load(self.directory, "stage", Dataset), load(self.directory, "train", TrainedModel),
            self.options.endpoint_instance_type, self.options.capture_percentage, self.session,
            self.session.client("sagemaker-runtime", config=pool_config()), self.session.client("logs"), self.console,
        )  # fmt: skip

    def test(self) -> Executions:
        from training.executions import Clients, test

        stepfunctions = self.session.client("stepfunctions", config=pool_config())
        clients = Clients(self.session.client("s3"), self.session.client("lambda"), stepfunctions)
        return test(
            self.stack, self.options.executions, self.options.concurrency, self.options.seed, self.directory, clients,
            self.console,
        )  # fmt: skip

    def monitor(self) -> Monitoring:
        from training.monitor import monitor

        return monitor(
            self.stack, load(self.directory, "stage", Dataset), load(self.directory, "train", TrainedModel),
            load(self.directory, "deploy", Deployment), load(self.directory, "test", Executions),
            self.directory / "report", self.session.client("s3", config=pool_config()), self.console,
            self.options.capture_timeout,
        )  # fmt: skip

    def cleanup(self) -> dict[str, list[str]]:
        from training.cleanup import Clients, cleanup

        clients = Clients(self.session.client("sagemaker"), self.session.client("s3"), self.session.client("logs"))
        return {"deleted": cleanup(self.stack, clients, self.console)}

    def step(self, name: str) -> Any:
        """Run a step, keep its result and the seconds it took, and return the result."""
        self.console.rule(f"[bold]{name}", align="left")
        started = time.monotonic()
        result = getattr(self, name)()
        if name != "cleanup":
            save(self.directory, name, result, time.monotonic() - started)
        return result


def pool_config() -> Any:
    """Return the configuration of a client that several threads share."""
    from botocore.config import Config

    return Config(max_pool_connections=16, retries={"mode": "standard", "total_max_attempts": 8})


def main() -> int:
    options = parser().parse_args()
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError
    from rich.console import Console
    from rich.markup import escape

    from training import summary

    console = Console(stderr=True)
    try:
        session = boto3.Session(region_name=boto3.Session().region_name or DEFAULT_REGION)
        run = Run(options, console, session)
        stack = run.stack
        run.directory.mkdir(parents=True, exist_ok=True)
        console.print(f"Stack [bold]{stack.name}[/] in {stack.region}, bucket {stack.bucket}", highlight=False)
        steps = STEPS if options.step == "all" else (options.step,)
        results = {name: run.step(name) for name in steps}
        figures = results["cleanup"] if options.step == "cleanup" else summary.collect(run.directory, stack)
    except (TrainingError, ClientError, BotoCoreError) as err:
        console.print(f"[red]error:[/] {escape(str(err))}", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted: the same command goes on from here.")
        return 130
    if options.json:
        print(json.dumps(figures))
    elif options.step != "cleanup":
        console.print(summary.table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
