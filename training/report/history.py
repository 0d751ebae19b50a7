"""What a report leaves for the next one: its verdict and figures as small JSON beside it, and what changed since."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import atomic
from training.statistics.intervals import Estimated, Interval, Share, difference

NAME = "report.json"
REVIEWED = {"all": "reviewed", "accepted": "reviewed_accepted"}  # the names of a record's reviewed accuracies

# since, until, model, threshold, verdict, reviewed, figures (part and whole of each share) and previous
Record = dict[str, Any]


@dataclass(frozen=True)
class Estimate:
    """An accuracy that was estimated from reviewed photos: no share of counted cases."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Change:
    """One figure of the previous report and of this one."""

    name: str
    before: Estimated
    after: Estimated

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        low, high = difference(self.before, self.after)
        return low > 0 or high < 0


@dataclass(frozen=True)
class Comparison:
    """The previous report and what is different in this one."""

    previous: Record
    changes: tuple[Change, ...]


def read(directory: Path) -> Record | None:
    """Return the record of the report in a directory, None when there is none, or none that can be read."""
    try:
        record = json.loads((directory / NAME).read_bytes())
        return record if comparable(record) else None
    except (OSError, ValueError, RecursionError):  # ValueError: no JSON, or no UTF-8
        return None


def comparable(record: Any) -> bool:
    """Tell whether a file's content is a record as this version writes it."""
    try:
        shares = [share(record, name) for name in record["figures"]]
        accuracies = reviewed(record).values()
        texts = [record["since"], record["until"], record["model"], record["verdict"]["state"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    if not all(0 <= one.interval[0] <= one.value <= one.interval[1] <= 1 for one in accuracies):
        return False
    return all(isinstance(text, str) for text in texts) and all(0 <= one.part <= one.whole for one in shares)


def write(directory: Path, record: Record) -> None:
    atomic.write_text(directory / NAME, json.dumps(record, indent=2, allow_nan=False) + "\n")


def previous_of(record: Record, earlier: Record | None) -> Record | None:
    """Return the report before `record`: the earlier one, or what that was compared with if it was of the same run.

    A step that is run again must not hide the change by comparing a run with itself.
    """
    if earlier is None:
        return None
    same = all(earlier[name] == record[name] for name in ("since", "model"))
    found: Any = earlier.get("previous") if same else earlier
    return {**found, "previous": None} if comparable(found) else None


def compare(record: Record, previous: Record | None) -> Comparison | None:
    """Return what is different in `record`, None without a previous one."""
    if previous is None:
        return None
    before, after = (estimates(one) for one in (previous, record))
    return Comparison(previous, tuple(Change(name, before[name], after[name]) for name in after if name in before))


def estimates(record: Record) -> dict[str, Estimated]:
    """Return the figures of a record by their names, the accuracies from reviewed photos last."""
    return {**{name: share(record, name) for name in record["figures"]}, **reviewed(record)}


def share(record: Record, name: str) -> Share:
    part, whole = record["figures"][name]
    return Share(int(part), int(whole))


def reviewed(record: Record) -> dict[str, Estimate]:
    """Return the accuracies from reviewed photos that are known; a report without any has None."""
    found = record.get("reviewed") or {}
    given = {name: found[key] for key, name in REVIEWED.items() if found and found[key]["value"] is not None}
    return {name: Estimate(float(one["value"]), (float(one["low"]), float(one["high"]))) for name, one in given.items()}
