"""The options of the command line, with their units and defaults."""

import argparse

from training.config import PUBLIC_ARCHIVE_URL, STEPS

SAMPLE = "sample"  # as --archive: the drawings that this project makes itself


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python training/run.py",
        description="Train, serve and try the image classifier of a deployed stack.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    option = main.add_argument
    option(
        "step", nargs="?", default="all", choices=["all", *STEPS, "cleanup"], help="what to run; all ends at monitor"
    )
    option("--stack-name", default="scones-unlimited", metavar="NAME", help="the deployed CloudFormation stack")
    option("--seed", type=int, default=0, metavar="NUMBER", help="of every random choice")
    option("--json", action="store_true", help="print one JSON object with the results to stdout")
    add_stage_options(main)
    add_train_options(main)
    add_deploy_options(main)
    add_test_options(main)
    return main


def add_stage_options(main: argparse.ArgumentParser) -> None:
    option = main.add_argument_group("stage").add_argument
    option(
        "--archive", default=PUBLIC_ARCHIVE_URL, metavar="SOURCE",
        help="path or URL of an archive in CIFAR-100's format, or 'sample' for drawings made here",
    )  # fmt: skip
    option(
        "--archive-checksum", metavar="md5:HEX|sha256:HEX", default=argparse.SUPPRESS,
        help="what the archive must hash to (the public archive's is known)",
    )  # fmt: skip
    option("--sample-if-unavailable", action="store_true", help="take the sample when the archive cannot be fetched")
    option(
        "--classes", type=comma_list, default="bicycle,motorcycle", metavar="NAME,NAME,...",
        help="two or more names from the archive; their order is the label order",
    )  # fmt: skip
    option(
        "--validation-share", type=share, default=0.1, metavar="SHARE",
        help="part of the training images, 0 to 1, held out to choose the model",
    )  # fmt: skip


def add_train_options(main: argparse.ArgumentParser) -> None:
    option = main.add_argument_group("train").add_argument
    option("--instance-type", default="ml.g4dn.xlarge", metavar="TYPE", help="the built-in algorithm needs a GPU")
    option("--max-runtime", type=positive, default=3600, metavar="SECONDS", help="after which training is stopped")
    for name, kind, unit in HYPERPARAMETERS:
        option(f"--{name}", type=kind, metavar=unit, default=argparse.SUPPRESS, help="(default: the algorithm's own)")
    option(
        "--hyperparameter", type=name_value, action="append", default=argparse.SUPPRESS, metavar="NAME=VALUE",
        help="any other one of the algorithm; may be repeated",
    )  # fmt: skip


def add_deploy_options(main: argparse.ArgumentParser) -> None:
    option = main.add_argument_group("deploy").add_argument
    option("--endpoint-instance-type", default="ml.m5.xlarge", metavar="TYPE", help="costs money until cleanup")
    option("--capture-percentage", type=percentage, default=100, metavar="PERCENT", help="of the requests to capture")


def add_test_options(main: argparse.ArgumentParser) -> None:
    option = main.add_argument_group("test and monitor").add_argument
    option("--executions", type=positive, default=200, metavar="NUMBER", help="of the workflow, on random test images")
    option(
        "--concurrency", type=positive, default=50, metavar="NUMBER",
        help="of executions under way at once; never more than the account's Lambda concurrency",
    )  # fmt: skip
    option(
        "--capture-timeout", type=positive, default=600, metavar="SECONDS",
        help="to wait for captured inferences; AWS delivers them after minutes",
    )  # fmt: skip


def comma_list(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def positive(value: str) -> int:
    if int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value} is not 1 or more")
    return int(value)


def percentage(value: str) -> int:
    if not 0 <= int(value) <= 100:
        raise argparse.ArgumentTypeError(f"{value} is not from 0 to 100")
    return int(value)


def share(value: str) -> float:
    if not 0 < float(value) < 1:
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and 1")
    return float(value)


def name_value(value: str) -> tuple[str, str]:
    name, separator, given = value.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"{value!r} is not NAME=VALUE")
    return name, given


def hyperparameters(options: argparse.Namespace) -> dict[str, str]:
    """Return the hyperparameters that were given, under the algorithm's own names."""
    given = vars(options)
    names = [name.replace("-", "_") for name, _, _ in HYPERPARAMETERS]
    return {name: str(given[name]) for name in names if name in given} | dict(given.get("hyperparameter", []))


# Those with an option of their own; the option is also the algorithm's name for it.
HYPERPARAMETERS = (
    ("epochs", positive, "NUMBER"),
    ("learning-rate", float, "RATE"),
    ("mini-batch-size", positive, "IMAGES"),
)
