"""What the values of options must look like: each function here reads one, or refuses it with a sentence."""

import argparse
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from training.options import DERIVED_HYPERPARAMETERS, Instances

STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")  # CloudFormation's rule
INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")  # SageMaker's: which of them exist, AWS knows
# An image in ECR, with a tag or a digest. SageMaker takes images of other registries within a VPC only.
IMAGE_URI = re.compile(
    r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9.-]+/[a-z0-9][a-z0-9._/-]*(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?"
)
DIGITS = re.compile(r"[0-9]{1,18}")  # int() would also read 1_000 and the digits of other scripts
DECIMAL = re.compile(r"[0-9]*\.?[0-9]+([eE][-+]?[0-9]{1,3})?")  # float() would also read nan, inf and 1_0

BATCH_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")  # of Step Functions' rule for executions, what names a directory too
LENGTH = re.compile(r"([0-9]{1,6})([mhd])")
LENGTH_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
LEAST_LIFETIME = timedelta(minutes=15)  # an endpoint of AWS takes up to ten to be in service
MOST_LIFETIME = timedelta(days=365)
NEVER = "never"
# Runs of monitor: at least an hour apart, for each costs money. AWS judges a cron expression.
RECURRENCE = re.compile(r"rate\((1 hour|1 day|(?!0|1 )[0-9]{1,3} (hours|days))\)|cron\([^()]{9,200}\)")
MOST_PERIOD = timedelta(days=3653)  # no longer are captured inferences kept

INSTANCES = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
MAX_INSTANCES = 1000  # far above what SageMaker's quotas let begin with

LONGEST_SHOWN = 60  # characters of a refused value


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return a function that reads a whole number from `least` to `most`, both included."""

    def read(value: str) -> int:
        if not DIGITS.fullmatch(value) or not least <= int(value) <= most:
            raise refusal(value, f"a whole number from {least} to {most}")
        return int(value)

    return read


def recurrence(value: str) -> str | None:
    """Read how often something is started: an expression of EventBridge Scheduler, or None for never."""
    if value == NEVER:
        return None
    if not RECURRENCE.fullmatch(value):
        raise refusal(value, "rate(1 hour), rate(6 hours), rate(1 day), rate(7 days), cron(0 6 * * ? *) or never")
    return value


def share(value: str) -> float:
    """Read a number between 0 and 1, neither of which is included."""
    if not DECIMAL.fullmatch(value) or not 0 < float(value) < 1:
        raise refusal(value, "a number between 0 and 1")
    return float(value)


def rate(value: str) -> float:
    """Read a number above 0 and at most 1."""
    if not DECIMAL.fullmatch(value) or not 0 < float(value) <= 1:
        raise refusal(value, "a number above 0 and at most 1")
    return float(value)


def fraction(value: str) -> float:
    """Read a number from 0 to 1, both included."""
    if not DECIMAL.fullmatch(value) or not 0 <= float(value) <= 1:
        raise refusal(value, "a number from 0 to 1")
    return float(value)


def batch_name(value: str) -> str:
    if not BATCH_NAME.fullmatch(value):
        raise refusal(value, "a batch's name: letters, digits, hyphens and underscores, 80 at most")
    return value


def stack_name(value: str) -> str:
    if not STACK_NAME.fullmatch(value):
        raise refusal(value, "a stack's name: a letter, then letters, digits and hyphens, 128 at most")
    return value


def instance_type(value: str) -> str:
    if not INSTANCE_TYPE.fullmatch(value):
        raise refusal(value, "a SageMaker instance type such as ml.m5.large: they begin with ml.")
    return value


def image_uri(value: str) -> str:
    if not IMAGE_URI.fullmatch(value):
        raise refusal(value, "the URI of an image in ECR: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG")
    return value


def directory(value: str) -> str:
    """Read the path of a directory, which need not exist yet; make and `--images=~/photos` leave the ~ to us."""
    if not value.strip() or "\0" in value:
        raise refusal(value, "the path of a directory")
    try:
        return str(Path(value).expanduser())
    except RuntimeError:  # there is no such user
        return value


def class_names(value: str) -> tuple[str, ...]:
    """Read names with commas between them; how many there must be, the selection of the photos says."""
    names = tuple(name.strip() for name in as_utf8(value).split(","))
    if "" in names:
        raise refusal(value, "a list of names with one comma between each two, such as bicycle,motorcycle")
    return names


def lifetime(value: str) -> timedelta | None:
    """Read a number of minutes, hours or days; None for `never`, which must be said."""
    if value == NEVER:
        return None
    length = length_of(value)
    if not LEAST_LIFETIME <= length <= MOST_LIFETIME:
        raise refusal(value, "a time from 15m to 365d such as 30m, 8h or 3d, or never")
    return length


def period(value: str) -> timedelta:
    """Read a number of minutes, hours or days before now."""
    length = length_of(value)
    if not timedelta() < length <= MOST_PERIOD:
        raise refusal(value, "a time from 1m to 3653d such as 90m, 12h or 7d")
    return length


def length_of(value: str) -> timedelta:
    """Return a time in minutes, hours or days; 0, which no option takes, when it is not written like that."""
    found = LENGTH.fullmatch(value)
    return int(found[1]) * LENGTH_UNITS[found[2]] if found else timedelta()


def file_name(*endings: str) -> Callable[[str], str]:
    """Return a function that reads the path of a file whose name ends in one of these ways."""

    def read(value: str) -> str:
        path = directory(value)
        if not path.lower().endswith(endings):
            raise refusal(value, f"the path of a {' or '.join(endings)} file")
        return path

    return read


def instances(value: str) -> Instances:
    """Read a number of instances, or two with a hyphen between them."""
    found = INSTANCES.fullmatch(value)
    least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= least <= most <= MAX_INSTANCES:
        raise refusal(value, f"a number of instances from 1 to {MAX_INSTANCES}, or MIN-MAX such as 1-4")
    return least, most


def as_utf8(value: str) -> str:
    """Return a word as it was typed, where Python took the terminal for one without UTF-8 and kept the bytes."""
    try:
        return os.fsencode(value).decode() if any("\udc80" <= letter <= "\udcff" for letter in value) else value
    except UnicodeError as err:
        raise refusal(value, "UTF-8") from err


def dollars(value: str) -> float:
    """Read an amount of money, which may be 0."""
    if not DECIMAL.fullmatch(value):
        raise refusal(value, "an amount in USD such as 5 or 0.50")
    return float(value)


def cost(value: str) -> float:
    """Read a cost in any currency, which may be 0."""
    if not DECIMAL.fullmatch(value) or not float(value) < float("inf"):
        raise refusal(value, "a cost such as 5 or 0.50")
    return float(value)


def name_value(value: str) -> tuple[str, str]:
    """Read NAME=VALUE, a hyperparameter that does not follow from the photos."""
    name, separator, given = value.partition("=")
    if not (name and separator):
        raise refusal(value, "NAME=VALUE")
    if name in DERIVED_HYPERPARAMETERS:
        raise argparse.ArgumentTypeError(f"{name} follows from the photos and cannot be chosen")
    return name, given


def refusal(value: str, wanted: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{shown(value)} is not {wanted}")


def shown(value: str) -> str:
    """Return a value in quotes, cut where it is endless."""
    return repr(value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}...")
