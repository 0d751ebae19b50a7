"""What the checks allow."""

from dataclasses import dataclass

LATENCY_PART = 0.95  # of the executions, whose longest duration is limited


@dataclass(frozen=True)
class Limits:
    """Where a check stops being healthy; an interval must lie wholly beyond a limit."""

    max_refused_share: float = 0.5  # in [0, 1], of the inferences; the stack's own defaults are the same
    min_refused_share: float = 0.0
    min_accuracy: float | None = None  # in [0, 1], of the labelled inferences; None: what the test photos promised
    max_failed_share: float = 0.05  # in [0, 1], of the executions
    max_latency: float = 60.0  # seconds, for `LATENCY_PART` of the executions
    enough: int = 30  # cases, below which a share says nothing
