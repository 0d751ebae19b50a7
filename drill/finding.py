"""What a drill found out about one fault."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A fault that was provoked, and what happened."""

    fault: str
    happened: str
    as_designed: bool
