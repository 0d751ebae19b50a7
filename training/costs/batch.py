"""What a batch of photos costs on AWS, from the number of its photos.

The quantities of one photo, in us-east-1 about 3.4 USD for a million of them: a fortieth of a child of the Distributed
Map, three functions, two requests to S3, a verdict that is kept, and the lines that Lambda and the functions log.
"""

import math
from dataclasses import dataclass

from training.config import PHOTOS_PER_BATCH
from training.costs import prices
from training.costs.estimate import FUNCTIONS, Line, line

# Assumed, not measured on AWS: the three functions wait for S3 and for the endpoint most of the time.
PHOTO_SECONDS = 0.1  # of Lambda, all three functions together, when they are warm
FUNCTION_GB = 0.25  # memory of a function
EXPRESS_GB = 0.0625  # an Express execution is billed by 64 MB
PHOTOS_OF_A_CHILD_AT_ONCE = 4  # statemachine/batch_classification.asl.json
OWN_TRANSITIONS = 8  # of the execution itself
VERDICT_GB = 250 / 1e9  # of a photo with two classes
LOG_GB = 900 / 1e9  # of an invocation: Lambda's own lines START and REPORT, and one of ours
LISTED = 1_000  # objects a request
TALLIED_PER_SECOND = 20_000  # verdicts; 150,000 on one core, of which its 256 MB give tallyVerdicts a seventh


@dataclass(frozen=True)
class BatchSize:
    """How much a batch is, as estimated before it or as found after it."""

    photos: int
    concurrency: int  # photos at once
    seconds: float | None = None  # that it took; None before it

    @property
    def children(self) -> int:
        return math.ceil(self.photos / PHOTOS_PER_BATCH)

    @property
    def expected_seconds(self) -> float:
        return self.seconds if self.seconds is not None else self.photos * PHOTO_SECONDS / self.concurrency


def lines(region: str, size: BatchSize) -> list[Line]:
    """Return what a batch creates, and in brackets what the endpoint costs meanwhile."""
    photos, calls = size.photos, size.photos * FUNCTIONS
    child_seconds = PHOTOS_PER_BATCH * PHOTO_SECONDS / PHOTOS_OF_A_CHILD_AT_ONCE
    return [
        line(
            region,
            "batch, Step Functions",
            f"{photos:,} photos in {size.children:,} children",
            [
                ("services", prices.TRANSITION, size.children + OWN_TRANSITIONS),
                ("services", prices.EXPRESS_REQUEST, size.children),
                ("services", prices.EXPRESS_GB_SECOND, size.children * child_seconds * EXPRESS_GB),
            ],
        ),
        line(
            region,
            "batch, Lambda",
            f"{FUNCTIONS} x {photos:,} calls, {PHOTO_SECONDS:g} s a photo (assumed)",
            [
                ("services", prices.LAMBDA_REQUEST, calls),
                ("services", prices.LAMBDA_GB_SECOND, photos * PHOTO_SECONDS * FUNCTION_GB),
                ("services", prices.LAMBDA_GB_SECOND, photos / TALLIED_PER_SECOND * FUNCTION_GB),
            ],
        ),
        line(region, "batch, logs", f"{LOG_GB * 1e9:g} bytes a call", [("services", prices.LOG_GB, calls * LOG_GB)]),
        line(
            region,
            "batch, S3",
            "photos listed and read, verdicts kept for a month",
            [
                ("services", prices.S3_PUT, math.ceil(photos / LISTED)),
                ("services", prices.S3_GET, photos),
                ("services", prices.S3_GB_MONTH, photos * VERDICT_GB),
            ],
        ),
    ]


def endpoint_line(region: str, instances: dict[str, int], size: BatchSize) -> Line:
    """Return the line of the endpoint's instances, by type, for the time of the batch; deploy's estimate has it too."""
    hours = size.expected_seconds / 3600
    machines = ", ".join(f"{number} x {kind}" for kind, number in instances.items())
    amounts = [("hosting", kind, number * hours) for kind, number in instances.items()]
    return line(region, "endpoint meanwhile", f"{machines}, {hours:.2g} hours", amounts, in_total=False)  # type: ignore[arg-type]  # a literal
