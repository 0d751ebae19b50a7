"""Whether the data capture recorded what it should have."""

from training.checks.check import Check, Limit
from training.checks.evidence import Evidence
from training.checks.failures import FAILED

NAME = "captures"
INCOMPLETE = (
    "Run the step monitor again in some minutes: captures arrive late. If they stay away, see whether the endpoint's "
    "data capture is on and its role may write to the bucket."
)


def check(evidence: Evidence) -> Check:
    """Compare the number of captured inferences with the least that was expected."""
    captured, expected, failed = evidence.captured, evidence.expected, evidence.failed
    if not captured and failed and failed.part == failed.whole > 0:
        reason = f", mostly with {evidence.error}" if evidence.error else ""
        sentence = f"Nothing was captured: {failed.part} of {failed.whole} executions failed{reason}."
        return Check(NAME, "stop", sentence, FAILED)
    if not expected:
        return Check(NAME, "unknown", f"{captured} inferences were captured; nobody knows how many to expect.")
    if captured >= expected:
        return Check(NAME, "healthy", f"All {expected} expected inferences were captured.", "", 1.0, None, Limit(1.0))
    sentence = f"{expected - captured} of {expected} expected inferences were not captured."
    return Check(NAME, "check", sentence, INCOMPLETE, captured / expected, None, Limit(1.0))
