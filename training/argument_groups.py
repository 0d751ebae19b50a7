"""The options of the command line, a group for each step: names, types, defaults and help."""

import argparse
import os
from collections.abc import Callable
from typing import Any

from commandline.parser import Parser
from training.argument_types import (
    class_names,
    directory,
    dollars,
    image_uri,
    instance_type,
    instances,
    lifetime,
    name_value,
    rate,
    share,
    stack_name,
    whole_number,
)
from training.batch_arguments import add_batch_options
from training.config import DEFAULT_STACK_NAME, REGION_VARIABLE, YES_VARIABLE
from training.monitor_arguments import add_monitor_options
from training.options import (
    ARCHIVE_SIDE,
    DEFAULT_CLASSES,
    DIRECTORY_SIDE,
    INSTANCE_TYPES,
    LEAST_SIDE,
    MAX_EXECUTIONS,
    MAX_SEED,
    MOST_SIDE,
    TEST_SHARE,
    DeployOptions,
    ExecutionsOptions,
    StageOptions,
    TrainOptions,
)
from training.review_arguments import add_review_options
from training.threshold_arguments import add_threshold_options
from training.traffic_arguments import add_traffic_options

MAX_RUNTIME = 28 * 86_400  # seconds, SageMaker's limit
MAX_EPOCHS = 10_000
MAX_BATCH = 10_000  # images
MAX_FOLDS = 20  # the training program's


def add_common_options(parser: Parser) -> None:
    """Add the options that go with every step."""
    add = parser.add_argument
    add(
        "--stack-name",
        type=stack_name,
        default=DEFAULT_STACK_NAME,
        metavar="NAME",
        help="the deployed CloudFormation stack",
    )
    add(
        "--seed",
        type=whole_number(0, MAX_SEED),
        default=StageOptions.seed,
        metavar="NUMBER",
        help="seed of every random choice",
    )
    add("--json", action="store_true", help="print one JSON object with the results to stdout")
    add(
        "--region",
        default=os.environ.get(REGION_VARIABLE) or argparse.SUPPRESS,
        metavar="REGION",
        help=f"the stack's region (default: that of {REGION_VARIABLE}, of samconfig.toml, or of the AWS settings)",
    )


def add_cost_options(parser: Parser) -> None:
    """Add the options of the steps that create something that costs."""
    group = parser.add_argument_group("costs")
    group.add_argument(
        "--dry-run", action="store_true", help="print what would be created, its cost and the checks; create nothing"
    )
    group.add_argument(
        "--yes",
        action="store_true",
        default=os.environ.get(YES_VARIABLE) == "1",
        help=f"do not ask before something is created that costs ({YES_VARIABLE}=1 does the same)",
    )
    group.add_argument(
        "--max-usd",
        type=dollars,
        default=argparse.SUPPRESS,
        metavar="USD",
        help="refuse to begin when the estimate is higher, or a price unknown (default: no limit)",
    )


def add_stage_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        "--archive",
        default=StageOptions.archive,
        metavar="SOURCE",
        help="path or URL of an archive in CIFAR-100's format, or 'sample' for drawings made here",
    )
    source.add_argument(
        "--images",
        type=directory,
        metavar="DIRECTORY",
        help="your own photos instead: a directory with one folder for each class, named after it; it is only read",
    )
    add(
        "--archive-checksum",
        metavar="md5:HEX|sha256:HEX",
        help="checksum of the archive (the public archive's is known)",
    )
    add("--sample-if-unavailable", action="store_true", help="use the sample when the archive cannot be fetched")
    add_dataset_options(group)


def add_dataset_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that say which photos are taken, and how."""
    add = group.add_argument
    add(
        "--classes",
        type=class_names,
        metavar="NAME,NAME,...",
        help="two or more classes of the archive or folders of the directory; their order is the label order "
        f"(default: {','.join(DEFAULT_CLASSES)} of an archive, all folders of a directory)",
    )
    add(
        "--image-size",
        type=whole_number(LEAST_SIDE, MOST_SIDE),
        metavar="PIXELS",
        help=f"width and height to which photos are resized, {LEAST_SIDE} to {MOST_SIDE} "
        f"(default: {ARCHIVE_SIDE} for an archive, {DIRECTORY_SIDE} for a directory)",
    )
    add(
        "--validation-share",
        type=share,
        default=StageOptions.validation_share,
        metavar="SHARE",
        help="part of the training images, between 0 and 1, held out to validate the model",
    )
    add(
        "--test-share",
        type=share,
        metavar="SHARE",
        help="part of the photos in a directory, between 0 and 1, to test the endpoint with; "
        f"an archive has test photos of its own (default: {TEST_SHARE})",
    )
    add("--keep-duplicates", action="store_true", help="use photos in a directory although they look like another one")


def add_train_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    machines = ", ".join(f"{machine} for {algorithm}" for algorithm, machine in INSTANCE_TYPES.items())
    add(
        "--algorithm",
        choices=tuple(INSTANCE_TYPES),
        default=TrainOptions.algorithm,
        help="own: training/algorithm, the same everywhere; builtin: SageMaker's image-classification, which needs a "
        "GPU and has no seed, so that --seed decides about the photos only",
    )
    add(
        "--image-uri",
        type=image_uri,
        metavar="URI",
        help="an image of your own for the algorithm own, made with training/Dockerfile (default: AWS's PyTorch image)",
    )
    add(
        "--instance-type",
        type=instance_type,
        metavar="TYPE",
        help=f"machine to train on (default: {machines})",
    )
    add(
        "--max-runtime",
        type=whole_number(1, MAX_RUNTIME),
        default=TrainOptions.max_runtime,
        metavar="SECONDS",
        help="time after which training is stopped",
    )
    add(
        "--with-reviewed",
        action="store_true",
        help="also train on the photos of runs/<stack>/review, with people's answers as labels (always so in learn)",
    )
    for name, (kind, unit, meaning) in HYPERPARAMETERS.items():
        add(
            f"--{name}",
            type=kind,
            metavar=unit,
            help=f"{meaning} (default: the algorithm's own)",
        )
    add(
        "--hyperparameter",
        type=name_value,
        action="append",
        metavar="NAME=VALUE",
        help="any other hyperparameter of the algorithm; may be repeated",
    )


def add_deploy_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--endpoint-instance-type",
        type=instance_type,
        default=DeployOptions.endpoint_instance_type,
        metavar="TYPE",
        help="machine to serve on; costs money until cleanup",
    )
    add(
        "--capture-percentage",
        type=whole_number(0, 100),
        default=DeployOptions.capture_percentage,
        metavar="PERCENT",
        help="share of the requests to capture",
    )
    add(
        "--expires-in",
        type=lifetime,
        default="8h",
        metavar="TIME",
        help="time after which the endpoint is deleted, such as 30m, 8h or 3d, or never",
    )
    add(
        "--instances",
        type=instances,
        default="1",
        metavar="N|MIN-MAX",
        help="machines to serve on; with two or more an update tries the new model on one of them first, and with "
        "MIN-MAX the requests decide how many there are",
    )
    add(
        "--accept-worse",
        action="store_true",
        help="replace the model in service even by one that is worse on the same test photos, beyond chance",
    )


def add_executions_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--executions",
        type=whole_number(1, MAX_EXECUTIONS),
        default=ExecutionsOptions.executions,
        metavar="NUMBER",
        help="executions of the workflow to start, on random test images",
    )
    add(
        "--concurrency",
        type=whole_number(1, MAX_EXECUTIONS),
        default=ExecutionsOptions.concurrency,
        metavar="NUMBER",
        help="executions under way at once, at most; never more than the account's Lambda concurrency",
    )


def add_cleanup_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--everything",
        action="store_true",
        help="delete without asking what else keeps `sam delete` from working (other objects of the stack's bucket) "
        "and the logs of its training jobs",
    )


STEP_OPTIONS: dict[str, Callable[[argparse._ArgumentGroup], None]] = {
    "stage": add_stage_options,
    "train": add_train_options,
    "deploy": add_deploy_options,
    "test": add_executions_options,
    "monitor": add_monitor_options,
    "batch": add_batch_options,
    "threshold": add_threshold_options,
    "traffic": add_traffic_options,
    "review": add_review_options,
    "cleanup": add_cleanup_options,
}


# The hyperparameters with an option of their own, which is also the algorithm's name for it: type, unit, meaning.
HYPERPARAMETERS: dict[str, tuple[Callable[[str], Any], str, str]] = {
    "epochs": (whole_number(1, MAX_EPOCHS), "NUMBER", "passes over the training images"),
    "learning-rate": (rate, "RATE", "initial learning rate"),
    "mini-batch-size": (whole_number(2, MAX_BATCH), "IMAGES", "images of one training step"),
    "cross-validate": (
        whole_number(2, MAX_FOLDS),
        "FOLDS",
        "also train a network without each fold of the photos, and see how it does on the fold (own only)",
    ),
}
