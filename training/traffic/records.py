"""What became of each photo."""

import math
from dataclasses import dataclass
from datetime import datetime

from training.traffic.script import Item

ACCEPTED, REFUSED, FAILED = "accepted", "refused", "failed"
UNANSWERED = "unanswered"  # sent, without an outcome when the step ended
NOT_SENT = "not sent"  # interrupted before
ANSWERED = (ACCEPTED, REFUSED, FAILED)


@dataclass
class Record:
    """A photo and what is known of it; one thread at a time writes to it."""

    item: Item
    key: str  # in the bucket
    sent_at: datetime | None = None  # UTC, by this machine's clock; None: not sent
    lag: float = math.nan  # seconds between the moment when it was due and when it was sent
    call: float = math.nan  # seconds that the request took
    latency: float = math.nan  # seconds from the request to the outcome; NaN without one
    outcome: str = NOT_SENT
    class_name: str = ""  # predicted
    confidence: float = math.nan  # in [0, 1]
    error: str = ""  # its name
    cause: str = ""

    @property
    def expected(self) -> bool:
        """Whether the outcome is what it should be: sound photos do not fail, and others fail by the right name."""
        return self.outcome not in ANSWERED or self.error == self.item.content.error

    def fail(self, error: str, cause: str) -> None:
        self.outcome, self.error, self.cause = FAILED, error, cause
