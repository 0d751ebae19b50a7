"""The options of the command line for the step `batch`."""

import argparse

from training.argument_types import batch_name, fraction, whole_number
from training.options import LAST_BATCH, MAX_BATCH_CONCURRENCY


def add_batch_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "source",
        nargs="?",
        metavar="PREFIX|MANIFEST",
        help="photos: a prefix of the stack's bucket such as images/test/, or a .jsonl or .csv file with s3_key and "
        "perhaps version, on this machine or at s3://BUCKET/KEY",
    )
    add(
        "--retry",
        nargs="?",
        const=LAST_BATCH,
        type=batch_name,
        metavar="BATCH",
        help="photos: those of an earlier batch that could not be classified (default: of the last one)",
    )
    add(
        "--join",
        nargs="?",
        const=LAST_BATCH,
        type=batch_name,
        metavar="BATCH",
        help="show the progress of a batch that was started earlier, and its results (default: of the last one)",
    )
    add(
        "--concurrency",
        type=whole_number(1, MAX_BATCH_CONCURRENCY),
        metavar="NUMBER",
        help="photos under way at once, each in one function at a time (default: 32 for each instance of the endpoint, "
        "at most four fifths of the account's Lambda concurrency)",
    )
    add(
        "--max-refused-share",
        type=fraction,
        metavar="SHARE",
        help="fail when more photos are below the threshold (default: the stack's BatchRefusedShare)",
    )
    add(
        "--max-failed-share",
        type=fraction,
        metavar="SHARE",
        help="fail when more photos cannot be classified (default: the stack's BatchFailedShare)",
    )
