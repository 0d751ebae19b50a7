"""When a schedule is due: once, `at(yyyy-mm-ddThh:mm:ss)`, or again and again, `rate(6 hours)`."""

import re
from datetime import UTC, datetime
from typing import Any

AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
RATE = re.compile(r"rate\(([1-9]\d{0,8}) (minute|hour|day)(s?)\)")
SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
CALLED = "CalledOn"  # a member of a schedule that has called its target and is kept; seconds since 1970

Schedule = dict[str, Any]


def moment_of(expression: str) -> float | None:
    """Return the time of a one-time expression in seconds since 1970, None when it is no such expression."""
    found = AT.fullmatch(expression)
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp() if found else None
    except ValueError:  # no such day or hour
        return None


def interval_of(expression: str) -> float | None:
    """Return the seconds between two calls, None when the expression is no rate. 1 has a singular, all others none."""
    found = RATE.fullmatch(expression)
    if found is None or (found[1] == "1") == bool(found[3]):
        return None
    return float(found[1]) * SECONDS[found[2]]


def due_at(schedule: Schedule) -> float | None:
    """Return when the target is to be called next, in seconds since 1970; None for never.

    A rate without a start date calls at once. What was missed while the cloud was down is called once.
    """
    if schedule["State"] != "ENABLED":
        return None
    called: float | None = schedule.get(CALLED)
    if (interval := interval_of(schedule["ScheduleExpression"])) is not None:
        return float(schedule["LastModificationDate"]) if called is None else called + interval
    return moment_of(schedule["ScheduleExpression"]) if called is None else None
