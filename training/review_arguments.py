"""The options of the command line for the step `review`."""

import argparse

from training.argument_types import file_name, period, whole_number
from training.options import ReviewOptions

MOST_SELECTED = 100_000  # photos; nobody answers more


def add_review_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    sizes = {
        "refused": "refused inferences to select, at random when there are more",
        "mistakes": "accepted inferences to select whose photos are known to show another class",
        "accepted": "other accepted inferences to select at random",
    }
    for name, meaning in sizes.items():
        add(
            f"--{name}",
            type=whole_number(0, MOST_SELECTED),
            default=getattr(ReviewOptions, name),
            metavar="NUMBER",
            help=meaning,
        )
    add(
        "--since",
        type=period,
        metavar="TIME",
        help="how long ago the oldest inference was captured, such as 12h or 7d (default: since the last test began, "
        "or 30d without one)",
    )
    add_ways(group)


def add_ways(group: argparse._ArgumentGroup) -> None:
    """Add the options that say how the photos are answered."""
    ways = group.add_mutually_exclusive_group()
    ways.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        help="print the page's address instead of opening it",
    )
    ways.add_argument(
        "--export",
        type=file_name(".html"),
        metavar="FILE.html",
        help="write one page that needs no server; it gives a file of answers for --import",
    )
    ways.add_argument(
        "--export-label-studio",
        type=file_name(".json"),
        metavar="FILE.json",
        help="write tasks for Label Studio, and its labeling interface beside them",
    )
    ways.add_argument(
        "--import",
        dest="import_answers",
        type=file_name(".json"),
        metavar="FILE.json",
        help="take the answers of an exported page, or of Label Studio's JSON or JSON-MIN export",
    )
