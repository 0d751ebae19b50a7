"""What the steps will create and what that costs, from their options."""

import argparse
from collections.abc import Callable
from datetime import timedelta

from training.arguments import options_for
from training.config import COMBINED_STEPS
from training.context import Context
from training.costs import estimate
from training.costs.estimate import Line
from training.errors import StepNotRunError
from training.options import (
    DEFAULT_CLASSES,
    INSTANCE_TYPES,
    DeployOptions,
    ExecutionsOptions,
    StageOptions,
    TrainOptions,
)
from training.results import Dataset, load

PHOTOS_A_CLASS = 600  # of the public archive
TEST_PHOTOS_A_CLASS = 100


def lines(context: Context, steps: tuple[str, ...], arguments: argparse.Namespace) -> list[Line]:
    """Return what the steps create, in the order of the steps."""
    return [line for step in steps if step in LINES for line in LINES[step](context, arguments)]


def stage_lines(context: Context, arguments: argparse.Namespace) -> list[Line]:
    classes = options_for(StageOptions, arguments).classes or DEFAULT_CLASSES
    return [estimate.photos(context.stack.region, PHOTOS_A_CLASS * len(classes))]


def train_lines(context: Context, arguments: argparse.Namespace) -> list[Line]:
    options = options_for(TrainOptions, arguments)
    instance_type = options.instance_type or INSTANCE_TYPES[options.algorithm]
    minutes, basis = estimate.TRAINING_MINUTES[options.algorithm]
    return estimate.training(context.stack.region, instance_type, minutes, basis, options.max_runtime / 60)


def deploy_lines(context: Context, arguments: argparse.Namespace) -> list[Line]:
    options = options_for(DeployOptions, arguments)
    region = context.stack.region
    executions = options_for(ExecutionsOptions, arguments).executions if arguments.step in COMBINED_STEPS else 0
    hours = options.expires_in / timedelta(hours=1) if options.expires_in else None
    return [
        *estimate.endpoint(region, options.endpoint_instance_type, options.instances, hours),
        estimate.captures(region, test_photos(context) + executions, options.capture_percentage),
    ]


def execution_lines(context: Context, arguments: argparse.Namespace) -> list[Line]:
    return [estimate.executions(context.stack.region, options_for(ExecutionsOptions, arguments).executions)]


LINES: dict[str, Callable[[Context, argparse.Namespace], list[Line]]] = {
    "stage": stage_lines,
    "train": train_lines,
    "deploy": deploy_lines,
    "test": execution_lines,
}


def test_photos(context: Context) -> int:
    """Return the number of photos that deploy predicts: those of the staged dataset, else of two public classes."""
    try:
        return load(context.directory, "stage", Dataset).test
    except StepNotRunError:
        return TEST_PHOTOS_A_CLASS * len(DEFAULT_CLASSES)
