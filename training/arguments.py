"""The command line: which step its words name, and the steps' options made from them."""

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TypeVar

from commandline.parser import Parser
from training.argument_groups import HYPERPARAMETERS, STEP_OPTIONS, add_common_options, add_cost_options
from training.checks.limits import Limits
from training.config import COMBINED_STEPS, steps_of
from training.examples import COLUMNS, epilog
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

DESCRIPTIONS = {
    "all": "run every step from stage to monitor: the default",
    "stage": "fetch the photos, choose those of the classes, and upload what changed",
    "train": "train a model in a SageMaker training job",
    "deploy": "put the model behind the endpoint and measure its accuracy there",
    "test": "run the workflow on random test images",
    "monitor": "write the report on what the endpoint captured",
    "learn": "train again with the reviewed photos too, then deploy the model if it is no worse, test and monitor it",
    "batch": "classify all photos of a prefix or manifest, with one verdict for each",
    "threshold": "find the confidence threshold that is proven, or that costs least",
    "traffic": "send photos at a rate, sound or spoilt, to rehearse an incident",
    "review": "look at classified photos in a local page, answer what they show, and try photos of your own",
    "status": "show what runs, what it costs, and when it ends",
    "cleanup": "delete what the runs made, the endpoint first",
}
COSTLY = ("all", "stage", "train", "deploy", "test", "learn", "batch", "traffic")  # the steps that create what costs
Options = TypeVar(
    "Options",
    StageOptions,
    TrainOptions,
    DeployOptions,
    ExecutionsOptions,
    MonitorOptions,
    BatchOptions,
    ThresholdOptions,
    TrafficOptions,
    ReviewOptions,
)


class HelpFormatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Leaves the lines of examples as they are, to be copied.

    It shows defaults that tell something: that of a flag does not, or says the opposite (--no-…), nor does None.
    """

    def _get_help_string(self, action: argparse.Action) -> str | None:
        tells = action.nargs != 0 and action.default is not None
        return super()._get_help_string(action) if tells else action.help


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
        formatter_class=HelpFormatter,
    )
    parsers = add_steps(main)
    step, others = split_step(list(sys.argv[1:] if words is None else words), parsers["all"].options())
    if step is None and {"-h", "--help"} & set(others):
        return main.parse_args(others)
    step = step or "all"
    if step in parsers:
        refuse_foreign_options(parsers, step, others)
    arguments = main.parse_args([step, *others])
    if "image_uri" in arguments and arguments.algorithm != "own":
        parsers[step].error("--image-uri goes with --algorithm own: the built-in algorithm has its own image")
    if step == "batch" and len({"source", "retry", "join"} & set(vars(arguments))) != 1:
        parsers[step].error("give one of PREFIX|MANIFEST, --retry and --join")
    if "schedule" in arguments and step != "monitor":
        parsers[step].error(f"--schedule goes with the step monitor, not with {step}")
    if step == "threshold" and len({"cost_of_error", "cost_of_review"} & set(vars(arguments))) == 1:
        parsers[step].error("--cost-of-error and --cost-of-review go together")
    return arguments


def add_steps(main: Parser) -> dict[str, Parser]:
    """Add the common options and a subcommand for each step; returns the steps' parsers by name."""
    add_common_options(main)
    subcommands = main.add_subparsers(dest="step", metavar="STEP", title="steps")
    parsers = {}
    for name, description in DESCRIPTIONS.items():
        parsers[name] = subcommands.add_parser(
            name,
            help=description,
            description=textwrap.fill(f"{description[0].upper()}{description[1:]}.", COLUMNS),
            formatter_class=HelpFormatter,
            epilog=epilog(name),
        )
        add_common_options(parsers[name])
        if name in COSTLY:
            add_cost_options(parsers[name])
        for step in steps_of(name):
            if step in STEP_OPTIONS:
                # What is not given is left out: `options_for` then takes the default of the step's options.
                group = parsers[name].add_argument_group(step, argument_default=argparse.SUPPRESS)
                STEP_OPTIONS[step](group)
    parsers["learn"].set_defaults(with_reviewed=True)
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
        owners = [name for name, parser in parsers.items() if name not in COMBINED_STEPS and option in parser.options()]
        if owners and option not in parsers[step].options():
            parsers[step].error(f"{option} is an option of {owners[0]}, not of {step}")


def options_for(kind: type[Options], arguments: argparse.Namespace) -> Options:
    """Return the options of one step; what the command line leaves out has the default of its class."""
    given = {**vars(arguments), "hyperparameters": hyperparameters(arguments), "limits": limits(arguments)}
    return kind(**{field.name: given[field.name] for field in fields(kind) if field.name in given})


def limits(arguments: argparse.Namespace) -> Limits:
    """Return what the checks of monitor allow; what the command line leaves out has the default of its class."""
    given = vars(arguments)
    return Limits(**{field.name: given[field.name] for field in fields(Limits) if field.name in given})


def hyperparameters(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the hyperparameters that were given, under the algorithm's own names."""
    given = vars(arguments)
    names = [name.replace("-", "_") for name in HYPERPARAMETERS]
    return {name: str(given[name]) for name in names if name in given} | dict(given.get("hyperparameter", []))
