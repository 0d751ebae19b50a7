"""What the checks look at: counts, which a run of the steps or a scheduled job collects."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.statistics.drifts import Drift
from training.statistics.intervals import Interval, Quantile, Share


@dataclass(frozen=True)
class Reviewed:
    """How often the model is right on all captured inferences, as people's answers about a sample of them show it."""

    photos: int  # that were reviewed
    value: float | None  # corrected for how they were selected; None: a part of the inferences has no reviewed photo
    interval: Interval
    accepted: Interval | None = None  # of the accepted inferences alone; None: there is none


@dataclass(frozen=True)
class Evidence:
    """What is known of some captured inferences and of the executions that asked for them."""

    classes: tuple[str, ...]  # in label order
    captured: int  # inferences
    expected: int | None  # inferences that should have been captured, at least; None: nobody knows
    refused: int  # of the captured ones
    # How many inferences had each (true class, predicted class), each photo once; the true class is None where unknown.
    answers: Mapping[tuple[str | None, str], int] = field(default_factory=dict)
    reviewed: Reviewed | None = None  # None: nobody has reviewed any of them
    test: Share | None = None  # right ones of the test photos, when the model was deployed
    failed: Share | None = None  # executions that failed, timed out or were aborted, of all; a refusal is no failure
    error: str = ""  # that most of the failed executions ended with; "" for none, or nobody knows
    latency: Quantile | None = None  # seconds that 95 % of the executions did not exceed
    drift: tuple[Drift, ...] | None = None  # None: the model has no profile to compare with
