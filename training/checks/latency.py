"""Whether executions take no longer than one can wait."""

from training.checks.check import Check, Limit
from training.checks.evidence import Evidence
from training.checks.limits import LATENCY_PART, Limits
from training.checks.sentences import not_enough

NAME = "latency"
SLOW = (
    "See in the executions which state takes so long: cold starts pass, a busy endpoint needs more instances (deploy "
    "--instances)."
)


def check(evidence: Evidence, limits: Limits) -> Check:
    """Compare the duration that most executions do not exceed with the limit."""
    found, limit = evidence.latency, Limit(most=limits.max_latency)
    if found is None:
        return Check(NAME, "unknown", "No duration is known.", limit=limit, unit="seconds")
    low, high = found.interval
    ends = f"{low:.1f} s" + (f" to {high:.1f} s" if high < float("inf") else " or more")
    sentence = f"{LATENCY_PART:.0%} of {found.cases} executions took at most {found.value:.1f} s ({ends})"
    if found.cases < limits.enough:
        sentence = f"{sentence}; {not_enough(found.cases, limits.enough)}."
        return Check(NAME, "unknown", sentence, "", found.value, found.interval, limit, "seconds")
    if low > limits.max_latency:
        sentence += f", longer than the {limits.max_latency:g} s that are allowed."
        return Check(NAME, "check", sentence, SLOW, found.value, found.interval, limit, "seconds")
    return Check(NAME, "healthy", f"{sentence}.", "", found.value, found.interval, limit, "seconds")
