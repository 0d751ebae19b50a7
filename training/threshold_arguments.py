"""The options of the command line for the step `threshold`."""

import argparse

from training.argument_types import cost, share
from training.options import ThresholdOptions


def add_threshold_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--max-error",
        type=share,
        default=ThresholdOptions.max_error,
        metavar="SHARE",
        help="part of the accepted photos, between 0 and 1, that may be wrong",
    )
    add(
        "--confidence",
        type=share,
        default=ThresholdOptions.confidence,
        metavar="SHARE",
        help="of the proof and of all intervals, between 0 and 1",
    )
    add(
        "--cost-of-error",
        type=cost,
        metavar="COST",
        help="of an accepted photo whose class is wrong; with --cost-of-review, to find the threshold of least cost",
    )
    add(
        "--cost-of-review",
        type=cost,
        metavar="COST",
        help="of a refused photo, in the currency of --cost-of-error",
    )
    add(
        "--per-class",
        action="store_true",
        help="also show the lowest proven threshold of each predicted class, all proven together",
    )
    add(
        "--predictions",
        metavar="FILE.csv",
        help="answers to photos that the model was not trained on, with the columns true_class, predicted_class, "
        "confidence and perhaps s3_key (default: the test photos', which deploy kept)",
    )
