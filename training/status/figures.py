"""The status of a stack for `--json`."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from training.running import RunningEndpoint
from training.status.costs import costs
from training.status.parts import Job, Status, Stored, Unreadable


def figures(status: Status) -> dict[str, Any]:
    """Return what was found: times in ISO 8601, unknown costs as null, and why a part is missing."""
    known = costs(status)
    return {
        "endpoints": plain(status.endpoints),
        "schedules": plain(status.schedules),
        "monitoring": plain(status.monitoring),
        "training_jobs": plain(status.jobs),
        "bucket": plain(status.stored),
        "usd": {**asdict(known), "per_day": known.per_day, "so_far": known.so_far},
    }


def plain(value: Any) -> Any:
    """Return a part as JSON has it."""
    if isinstance(value, Unreadable):
        return {"not_readable": value.reason}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, RunningEndpoint | Job | Stored):
        return {name: plain(item) for name, item in vars(value).items()}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
