"""What the steps will cost on AWS, line by line, from the table of prices and stated quantities.

Every quantity is named in its line. Where one is not known beforehand, the line takes what it will hardly exceed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from training.costs import prices
from training.costs.prices import HOURS_A_MONTH, Kind, Price

# Minutes that SageMaker bills for a training job with the default settings, and where that number comes from.
TRAINING_MINUTES = {
    "own": (5.0, "expected"),  # not measured there: a minute or two on a laptop's CPU, and the image is pulled
    "builtin": (15.0, "the longest of 22 public runs"),  # 327 to 897 billed seconds
}

# What an execution of the workflow uses: its start, three states, three functions of 256 MB.
TRANSITIONS = 4
FUNCTIONS = 3
FUNCTION_GB_SECONDS = 0.25 * 1.0  # a second each; the median execution of all three takes less
PUTS = 1  # of captured inferences; SageMaker writes many into one file
GETS = 4  # of a photo: training, prediction, execution, report
CAPTURE_GB = 10e3 / 1e9  # of one inference: a small photo in base64, its probabilities
PHOTO_GB = 5e3 / 1e9  # of a small photo


@dataclass(frozen=True)
class Line:
    """Something that a run creates, and what it costs."""

    name: str
    basis: str  # quantity and duration
    usd: float | None  # for the whole duration; None: a price is unknown
    unknown: str = ""  # the sentence for that price
    used: tuple[Price, ...] = ()  # the prices in it
    in_total: bool = True  # False: the same cost for another duration

    @property
    def verified(self) -> bool:
        return all(price.verified for price in self.used)


@dataclass(frozen=True)
class Estimate:
    """What a run costs in a region."""

    region: str
    lines: tuple[Line, ...]

    @property
    def usd(self) -> float | None:
        """The sum of what is created, None when one of its prices is unknown."""
        counted = [line.usd for line in self.lines if line.in_total]
        return None if None in counted else sum(usd for usd in counted if usd is not None)

    @property
    def unknown(self) -> list[str]:
        """The sentences for the prices that are unknown, each once."""
        return list(dict.fromkeys(line.unknown for line in self.lines if line.unknown))


def line(region: str, name: str, basis: str, amounts: Sequence[tuple[Kind, str, float]], in_total: bool = True) -> Line:
    """Return the line for amounts of priced things: kind, name in the table, and how many units of it."""
    used: list[Price] = []
    for kind, thing, _ in amounts:
        found = prices.price(region, kind, thing)
        if found is None:
            return Line(name, basis, None, prices.unknown(region, thing), in_total=in_total)
        used.append(found)
    usd = sum(price.usd * amount for price, (*_, amount) in zip(used, amounts, strict=True))
    return Line(name, basis, usd, used=tuple(used), in_total=in_total)


def training(region: str, instance_type: str, minutes: float, basis: str, most: float) -> list[Line]:
    """Return the lines of a training job: the expected time, and the longest.

    Args:
        minutes: That are billed, as expected.
        basis: Where that number comes from.
        most: Minutes after which SageMaker stops the job.
    """

    def lasting(name: str, duration: float, why: str, in_total: bool) -> Line:
        text = f"{instance_type}, {duration:g} minutes ({why})"
        return line(region, name, text, [("training", instance_type, duration / 60)], in_total)

    expected = lasting("training job, once", min(minutes, most), basis, True)
    return [expected, lasting("training job, at most", most, "--max-runtime", False)]


def endpoint(region: str, instance_type: str, instances: tuple[int, int], hours: float | None) -> list[Line]:
    """Return the lines of an endpoint: an hour of it, and what it costs until its end or a month.

    Args:
        instances: The least and the greatest number; the costs are those of the greatest.
        hours: After which it is deleted; None: never, and the total has a month of it.
    """
    least, most = instances
    number = str(most) if least == most else f"{least} to {most}"
    machines = f"{number} x {instance_type}"

    def lasting(name: str, duration: float, basis: str, in_total: bool) -> Line:
        return line(region, name, basis, [("hosting", instance_type, most * duration)], in_total)

    lines = [lasting("endpoint, an hour", 1, machines, False)]
    if hours is not None:
        lines.append(lasting("endpoint, until it ends", hours, f"{machines}, {hours:g} hours", True))
    month = f"{machines}, {HOURS_A_MONTH} hours"
    lines.append(lasting("endpoint, a month", HOURS_A_MONTH, month, hours is None))
    return lines


def captures(region: str, requests: int, percentage: int) -> Line:
    """Return the line of the inferences that the endpoint captures from this run's requests, kept for a month."""
    captured = requests * percentage / 100
    return line(
        region,
        "captured inferences",
        f"{percentage} % of {requests:,} requests, a month",
        [
            ("services", prices.S3_PUT, captured * PUTS),
            ("services", prices.S3_GB_MONTH, captured * CAPTURE_GB),
        ],
    )


def executions(region: str, number: int) -> Line:
    """Return the line of executions of the workflow, none of which retries."""
    calls = number * FUNCTIONS
    return line(
        region,
        "executions, once",
        f"{number:,} x {TRANSITIONS} transitions, {FUNCTIONS} x 1 s of Lambda",
        [
            ("services", prices.TRANSITION, number * TRANSITIONS),
            ("services", prices.LAMBDA_REQUEST, calls),
            ("services", prices.LAMBDA_GB_SECOND, calls * FUNCTION_GB_SECONDS),
        ],
    )


def photos(region: str, number: int) -> Line:
    """Return the line of the staged photos: sent and read once by each step, kept for a month."""
    return line(
        region,
        "photos in S3",
        f"about {number:,}, sent and read, a month",
        [
            ("services", prices.S3_PUT, number),
            ("services", prices.S3_GET, number * GETS),
            ("services", prices.S3_GB_MONTH, number * PHOTO_GB),
        ],
    )
