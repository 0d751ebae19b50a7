"""The options of the command line for the step `traffic`, and what their values must look like."""

import argparse
import csv
import json
import re
from pathlib import Path

from training.argument_types import DECIMAL, directory, fraction, refusal
from training.options import EXECUTIONS, MAX_RATE, SHIFTS, UPLOADS, Burst, Shift, TrafficOptions

SECONDS = re.compile(r"([0-9]*\.?[0-9]+)([smh]?)")
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}  # seconds
MAX_SECONDS = 86_400
SHIFT = re.compile(r"([a-z]+)(?::([^@:]+))?(?:@([^@:]+))?")
BURST = re.compile(r"([^:/]+):([^:/]+)/([^:/]+)")
MIX_FILES = (".json", ".csv")


def add_traffic_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add_load_options(group)
    add_photo_options(group)
    add(
        "--through",
        choices=(EXECUTIONS, UPLOADS),
        default=TrafficOptions.through,
        help="start an execution for each photo, or upload each photo, which the stack must classify "
        "(ClassifyUploads=true)",
    )
    add(
        "--wait",
        type=seconds,
        default=TrafficOptions.wait,
        metavar="TIME",
        help="how long to wait after the last photo for outcomes that are missing",
    )


def add_load_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that say when photos are sent."""
    add = group.add_argument
    add("--rate", type=per_second, required=True, metavar="NUMBER", help="photos a second, such as 20 or 0.5")
    add("--duration", type=seconds, required=True, metavar="TIME", help="such as 90, 90s, 5m or 1h")
    add(
        "--burst",
        type=burst,
        metavar="FACTOR:TIME/EVERY",
        help="a higher rate at the end of each period: 10:5/60 is ten times the rate for 5 of each 60 seconds",
    )
    add("--poisson", action="store_true", help="send at random moments of this rate, as independent senders do")


def add_photo_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that say what is sent."""
    add = group.add_argument
    add(
        "--photos",
        type=directory,
        metavar="DIRECTORY",
        help="your own photos, as they are, in a folder for each class or without classes (default: the test photos "
        "of the last stage)",
    )
    add(
        "--mix",
        type=mix,
        metavar="CLASS=SHARE,...|FILE",
        help="how often each class is sent: bicycle=.7,motorcycle=.3, or a .json or .csv file of classes and shares "
        "(default: as often as it occurs)",
    )
    add(
        "--corrupt",
        type=fraction,
        default=TrafficOptions.corrupt,
        metavar="SHARE",
        help="part of the photos that are sent as files that cannot be classified: half a PNG, text, nothing, more "
        "than 6 MB, a PDF named .png",
    )
    add(
        "--shift",
        type=shift,
        action="append",
        metavar="KIND[:STRENGTH][@TIME]",
        help=f"change the photos: {', '.join(SHIFTS)}, with a strength above 0 and at most 1, from a moment on, such "
        "as dark:0.7@30s; may be repeated",
    )


def seconds(value: str) -> float:
    """Read a time above 0 and of at most a day, in seconds without a unit."""
    found = SECONDS.fullmatch(value)
    if not found or not 0 < float(found[1]) * UNITS[found[2]] <= MAX_SECONDS:
        raise refusal(value, "a time above 0 and of at most a day, such as 90, 90s, 5m or 1h")
    return float(found[1]) * UNITS[found[2]]


def per_second(value: str) -> float:
    """Read a number above 0 and at most MAX_RATE."""
    if not DECIMAL.fullmatch(value) or not 0 < float(value) <= MAX_RATE:
        raise refusal(value, f"a number above 0 and at most {MAX_RATE}")
    return float(value)


def burst(value: str) -> Burst:
    """Read FACTOR:TIME/EVERY."""
    found = BURST.fullmatch(value)
    if not found or not DECIMAL.fullmatch(found[1]) or not 1 < float(found[1]) <= MAX_RATE:
        raise refusal(value, "FACTOR:TIME/EVERY with a factor above 1, such as 10:5/60")
    read = Burst(float(found[1]), seconds(found[2]), seconds(found[3]))
    if read.seconds >= read.every:
        raise refusal(value, "a burst that is shorter than its period, such as 10:5/60")
    return read


def shift(value: str) -> Shift:
    """Read KIND[:STRENGTH][@TIME]."""
    found = SHIFT.fullmatch(value)
    if not found or found[1] not in SHIFTS:
        raise refusal(value, f"KIND[:STRENGTH][@TIME] with one of {', '.join(SHIFTS)}")
    strength = found[2] or str(SHIFTS[found[1]])
    if not DECIMAL.fullmatch(strength) or not 0 < float(strength) <= 1:
        raise refusal(value, "a change with a strength above 0 and at most 1, such as dark:0.7")
    start = 0.0 if found[3] in (None, "0", "0s") else seconds(found[3])
    return Shift(found[1], float(strength), start)


def mix(value: str) -> tuple[tuple[str, float], ...]:
    """Read classes and their shares, here or in a file; the shares need not add up to 1."""
    pairs = read_file(value) if Path(value).suffix.lower() in MIX_FILES else read_pairs(value)
    names = [name for name, _ in pairs]
    if not pairs or len(set(names)) < len(names) or "" in names:
        raise refusal(value, "a list of different classes with a share each, such as bicycle=.7,motorcycle=.3")
    if not all(DECIMAL.fullmatch(share) for _, share in pairs) or not sum(float(share) for _, share in pairs):
        raise refusal(value, "a list of classes whose shares are numbers, at least one of them above 0")
    return tuple((name, float(share)) for name, share in pairs)


def read_pairs(value: str) -> list[tuple[str, str]]:
    parts = (part.rpartition("=") for part in value.split(","))
    return [(name.strip(), share.strip()) for name, _, share in parts]


def read_file(name: str) -> list[tuple[str, str]]:
    """Return the pairs of a JSON object, or of a CSV file with two columns and no heading."""
    path = Path(name).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            return [(one, str(share)) for one, share in json.loads(text).items()]
        return [(one.strip(), share.strip()) for one, share in csv.reader(text.splitlines())]
    except (OSError, ValueError, AttributeError, csv.Error, RecursionError) as err:
        raise refusal(name, f'a file of classes and shares, such as {{"bicycle": 0.7}} ({err})') from err
