"""Whether as many photos are refused as one can live with."""

from training.checks.check import Check, Limit
from training.checks.evidence import Evidence
from training.checks.limits import Limits
from training.checks.sentences import estimated, not_enough, percent
from training.statistics.intervals import Share

NAME = "refusals"
TOO_MANY = (
    "Look at the refused photos. If they differ from those of the training, train with photos like them; if the model "
    "is right about them, a lower threshold would accept more."
)
TOO_FEW = (
    "See in the calibration whether the confidence deserves it: a model that is too sure of itself refuses no mistake."
)


def check(evidence: Evidence, limits: Limits) -> Check:
    """Compare the share of refused inferences with its band."""
    share, limit = Share(evidence.refused, evidence.captured), Limit(limits.min_refused_share, limits.max_refused_share)
    low, high = share.interval
    counted = f"{share.part} of {share.whole} were refused"

    if share.whole < limits.enough:
        sentence = f"{counted}; {not_enough(share.whole, limits.enough)}."
        return Check(NAME, "unknown", sentence, "", share.value, share.interval, limit)
    sentence = f"{counted}: {estimated(share)}"
    if low > limits.max_refused_share:
        sentence += f", more than the {percent(limits.max_refused_share)} that are allowed."
        return Check(NAME, "check", sentence, TOO_MANY, share.value, share.interval, limit)
    if high < limits.min_refused_share:
        sentence += f", fewer than the {percent(limits.min_refused_share)} that are usual."
        return Check(NAME, "check", sentence, TOO_FEW, share.value, share.interval, limit)
    return Check(NAME, "healthy", f"{sentence}.", "", share.value, share.interval, limit)
