"""How accurate the model is on real traffic, as people's answers about a sample of it show it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from training.checks import evidence
from training.review import answers
from training.review.estimate import ReviewedAccuracy, estimate, estimate_accepted


@dataclass(frozen=True)
class Reviewed:
    """Estimates that are corrected for how the reviewed photos were selected."""

    all: ReviewedAccuracy
    accepted: ReviewedAccuracy  # of the inferences that the workflow lets through

    @property
    def found(self) -> evidence.Reviewed:
        """What the checks look at."""
        one, accepted = self.all, self.accepted
        ends = (accepted.low, accepted.high) if accepted.traffic else None
        return evidence.Reviewed(one.n, one.value, (one.low, one.high), ends)


def of_captured(captured: pd.DataFrame, table: pd.DataFrame, directory: Path) -> Reviewed | None:
    """Return what people's answers say of the captured inferences, None when they have reviewed none of them.

    Args:
        captured: As `CaptureReader.read` returns them.
        table: `inferences.join` of the captured inferences.
        directory: The run's, `runs/<stack>`.

    Raises:
        ReviewError: The file of answers is damaged.
    """
    if captured.empty:
        return None
    given = answers.read(directory)
    traffic = table.assign(event_id=captured["event_id"].to_numpy()).drop_duplicates("event_id")
    found = Reviewed(estimate(traffic, given), estimate_accepted(traffic, given))
    return found if found.all.n else None


def as_json(reviewed: Reviewed | None) -> dict[str, Any] | None:
    """Return the estimates for `--json`; an unknown value is None."""
    return asdict(reviewed) if reviewed else None
