"""Whether the executions come to an end; a refusal is an end."""

from training.checks.check import Check, Limit, State
from training.checks.evidence import Evidence
from training.checks.limits import Limits
from training.checks.sentences import estimated, not_enough, percent

NAME = "failures"
MOST = 0.5  # of the executions; beyond it the workflow does not work
FAILED = "See the errors in executions.csv and the logs of the functions; alarms and the dashboard show since when."


def check(evidence: Evidence, limits: Limits) -> Check:
    """Compare the share of failed executions with the limit; few cases decide too when nearly all failed."""
    share, limit = evidence.failed, Limit(most=limits.max_failed_share)
    if share is None or not share.whole:
        return Check(NAME, "unknown", "No execution is known.", limit=limit)
    counted = f"{share.part} of {share.whole} executions failed"
    if share.interval[0] > limits.max_failed_share:
        sentence = f"{counted}: {estimated(share)}, more than the {percent(limits.max_failed_share)} that are allowed."
        state: State = "stop" if share.interval[0] > MOST else "check"
        return Check(NAME, state, sentence, FAILED, share.value, share.interval, limit)
    if share.whole < limits.enough:
        sentence = f"{counted}; {not_enough(share.whole, limits.enough)}."
        return Check(NAME, "unknown", sentence, "", share.value, share.interval, limit)
    return Check(NAME, "healthy", f"{counted}: {estimated(share)}.", "", share.value, share.interval, limit)
