"""The command line: its words, and the steps' options made from them."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from commandline.parser import Parser
from training.argument_types import class_names, instance_type, name_value, rate, share, stack_name, whole_number
from training.config import DEFAULT_STACK_NAME, STEPS
from training.options import (
    MAX_EXECUTIONS,
    MAX_SEED,
    DeployOptions,
    ExecutionsOptions,
    MonitorOptions,
    StageOptions,
    TrainOptions,
)

MAX_RUNTIME = 28 * 86_400  # seconds, SageMaker's limit
MAX_EPOCHS = 10_000
MAX_BATCH = 10_000  # images
MAX_WAIT = 86_400  # seconds

DESCRIPTIONS = {
    "all": "run every step from stage to monitor: the default",
    "stage": "fetch the photos, choose those of the classes, and upload what changed",
    "train": "train a model in a SageMaker training job",
    "deploy": "put the model behind the endpoint and measure its accuracy there",
    "test": "run the workflow on random test images",
    "monitor": "write the report on what the endpoint captured",
    "cleanup": "delete what the runs made, the endpoint first",
}
Options = TypeVar("Options", StageOptions, TrainOptions, DeployOptions, ExecutionsOptions, MonitorOptions)


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the step and its options; the step may stand anywhere among them, and without one it is `all`.

    Args:
        words: Those of the command line, by default this process's.

    Raises:
        SystemExit: The words are wrong (2) or ask for help (0).
    """
    main = Parser(
        prog="python training/run.py",
        description="Train, serve and try the image classifier of a deployed stack.",
        epilog="`python training/run.py STEP --help` shows what a step takes; without a step, `all` is run.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parsers = add_steps(main)
    step, others = split_step(list(sys.argv[1:] if words is None else words), parsers["all"].options())
    if step is None and {"-h", "--help"} & set(others):
        return main.parse_args(others)
    step = step or "all"
    if step in parsers:
        refuse_foreign_options(parsers, step, others)
    return main.parse_args([step, *others])


def add_steps(main: Parser) -> dict[str, Parser]:
    """Add the common options and a subcommand for each step; returns the steps' parsers by name."""
    add_common_options(main)
    subcommands = main.add_subparsers(dest="step", metavar="STEP", title="steps")
    parsers = {}
    for name, description in DESCRIPTIONS.items():
        parsers[name] = subcommands.add_parser(
            name,
            help=description,
            description=description[0].upper() + description[1:] + ".",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        add_common_options(parsers[name])
        for step in STEPS if name == "all" else [name]:
            if step in STEP_OPTIONS:
                STEP_OPTIONS[step](parsers[name].add_argument_group(step))
    return parsers


def split_step(words: list[str], options: Mapping[str, argparse.Action]) -> tuple[str | None, list[str]]:
    """Return the first word that is neither an option nor the value of one, and the other words."""
    position = 0
    while position < len(words):
        if not words[position].startswith("-"):
            return words[position], words[:position] + words[position + 1 :]
        position += 2 if takes_next_word(words[position], options) else 1
    return None, words


def takes_next_word(word: str, options: Mapping[str, argparse.Action]) -> bool:
    """Tell whether the word after an option, which may be abbreviated, is the option's value."""
    actions = [action for option, action in options.items() if option.startswith(word)]
    return bool(actions) and actions[0].nargs != 0


def refuse_foreign_options(parsers: Mapping[str, Parser], step: str, words: list[str]) -> None:
    """Exit with a sentence that names the step of an option that is not one of `step`'s."""
    for option in (word.partition("=")[0] for word in words):
        owners = [name for name, parser in parsers.items() if name != "all" and option in parser.options()]
        if owners and option not in parsers[step].options():
            parsers[step].error(f"{option} is an option of {owners[0]}, not of {step}")


def options_for(kind: type[Options], arguments: argparse.Namespace) -> Options:
    """Return the options of one step; what the command line leaves out has the default of its class."""
    given = {**vars(arguments), "hyperparameters": hyperparameters(arguments)}
    return kind(**{field.name: given[field.name] for field in fields(kind) if field.name in given})


def hyperparameters(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the hyperparameters that were given, under the algorithm's own names."""
    given = vars(arguments)
    names = [name.replace("-", "_") for name in HYPERPARAMETERS]
    return {name: str(given[name]) for name in names if name in given} | dict(given.get("hyperparameter", []))


# Options -----------------------------------------------------------------------------------------------------


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


def add_stage_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--archive",
        default=StageOptions.archive,
        metavar="SOURCE",
        help="path or URL of an archive in CIFAR-100's format, or 'sample' for drawings made here",
    )
    group.add_argument(
        "--archive-checksum",
        metavar="md5:HEX|sha256:HEX",
        default=argparse.SUPPRESS,
        help="checksum of the archive (the public archive's is known)",
    )
    group.add_argument(
        "--sample-if-unavailable", action="store_true", help="use the sample when the archive cannot be fetched"
    )
    group.add_argument(
        "--classes",
        type=class_names,
        default=",".join(StageOptions.classes),
        metavar="NAME,NAME,...",
        help="two or more names from the archive; their order is the label order",
    )
    group.add_argument(
        "--validation-share",
        type=share,
        default=StageOptions.validation_share,
        metavar="SHARE",
        help="part of the training images, between 0 and 1, held out to choose the model",
    )


def add_train_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--instance-type",
        type=instance_type,
        default=TrainOptions.instance_type,
        metavar="TYPE",
        help="machine to train on; the built-in algorithm needs a GPU",
    )
    group.add_argument(
        "--max-runtime",
        type=whole_number(1, MAX_RUNTIME),
        default=TrainOptions.max_runtime,
        metavar="SECONDS",
        help="time after which training is stopped",
    )
    for name, (kind, unit, meaning) in HYPERPARAMETERS.items():
        group.add_argument(
            f"--{name}",
            type=kind,
            metavar=unit,
            default=argparse.SUPPRESS,
            help=f"{meaning} (default: the algorithm's own)",
        )
    group.add_argument(
        "--hyperparameter",
        type=name_value,
        action="append",
        default=argparse.SUPPRESS,
        metavar="NAME=VALUE",
        help="any other hyperparameter of the algorithm; may be repeated",
    )


def add_deploy_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--endpoint-instance-type",
        type=instance_type,
        default=DeployOptions.endpoint_instance_type,
        metavar="TYPE",
        help="machine to serve on; costs money until cleanup",
    )
    group.add_argument(
        "--capture-percentage",
        type=whole_number(0, 100),
        default=DeployOptions.capture_percentage,
        metavar="PERCENT",
        help="share of the requests to capture",
    )


def add_executions_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--executions",
        type=whole_number(1, MAX_EXECUTIONS),
        default=ExecutionsOptions.executions,
        metavar="NUMBER",
        help="executions of the workflow to start, on random test images",
    )
    group.add_argument(
        "--concurrency",
        type=whole_number(1, MAX_EXECUTIONS),
        default=ExecutionsOptions.concurrency,
        metavar="NUMBER",
        help="executions under way at once, at most; never more than the account's Lambda concurrency",
    )


def add_monitor_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--capture-timeout",
        type=whole_number(1, MAX_WAIT),
        default=MonitorOptions.capture_timeout,
        metavar="SECONDS",
        help="time to wait for captured inferences; AWS delivers them after minutes",
    )


STEP_OPTIONS: dict[str, Callable[[argparse._ArgumentGroup], None]] = {
    "stage": add_stage_options,
    "train": add_train_options,
    "deploy": add_deploy_options,
    "test": add_executions_options,
    "monitor": add_monitor_options,
}


# The hyperparameters with an option of their own, which is also the algorithm's name for it: type, unit, meaning.
HYPERPARAMETERS: dict[str, tuple[Callable[[str], Any], str, str]] = {
    "epochs": (whole_number(1, MAX_EPOCHS), "NUMBER", "passes over the training images"),
    "learning-rate": (rate, "RATE", "initial learning rate"),
    "mini-batch-size": (whole_number(2, MAX_BATCH), "IMAGES", "images of one training step"),
}
