"""All checks together: is the model healthy, is something to be looked at, or must its answers not be used?"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from training.checks import accuracy, captures, drift, failures, latency, refusals
from training.checks.check import Check, State
from training.checks.evidence import Evidence
from training.checks.limits import Limits

NOTHING = "Nothing."


@dataclass(frozen=True)
class Verdict:
    """What a reader needs first."""

    state: State  # healthy, check or stop
    why: str
    action: str
    checks: tuple[Check, ...]


def judge(evidence: Evidence, limits: Limits) -> Verdict:
    """Check everything; the worst state decides.

    Unknown states do not alarm, but a model is not called healthy unless its accuracy, or else the photos that it gets,
    are known to be as they were.
    """
    checks = (
        accuracy.check(evidence, limits),
        refusals.check(evidence, limits),
        drift.check(evidence, limits),
        failures.check(evidence, limits),
        latency.check(evidence, limits),
        captures.check(evidence),
    )
    bad = [one for state in ("stop", "check") for one in checks if one.state == state]
    if bad:
        return Verdict(bad[0].state, _joined(one.sentence for one in bad), _joined(one.action for one in bad), checks)
    told = {one.name: one for one in checks}
    right, same = told[accuracy.NAME], told[drift.NAME]
    if right.state == "healthy":
        return Verdict("healthy", f"{right.sentence}{unknown(checks)}", NOTHING, checks)
    if same.state == "healthy":
        return Verdict("healthy", f"{same.sentence} {right.sentence}", right.action, checks)
    why = f"Nothing tells whether the model is right. {right.sentence} {same.sentence}"
    return Verdict("check", why, right.action, checks)


def unknown(checks: Iterable[Check]) -> str:
    """Return what a healthy verdict does not rest on, "" when that is nothing."""
    names = [one.name for one in checks if one.state == "unknown"]
    return f" Unknown: {', '.join(names)}." if names else ""


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict for `--json` and for later reports; an infinite end of an interval is null."""
    fields: dict[str, Any] = _finite(asdict(verdict))
    return fields


def _joined(sentences: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(sentence for sentence in sentences if sentence))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
