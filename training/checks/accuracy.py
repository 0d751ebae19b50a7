"""Whether the model is right, where the true class is known."""

from collections import Counter
from dataclasses import replace

from training.checks.check import Check, Limit, State
from training.checks.evidence import Evidence, Reviewed
from training.checks.limits import Limits
from training.checks.sentences import between, estimated, not_enough, percent, photos
from training.statistics.agreement import agreement
from training.statistics.intervals import Interval, Share

NAME = "accuracy"
SIGNIFICANCE = 0.05
BROKEN = (
    "Do not use its answers. See whether the labels and their order are those of the training, then train and deploy "
    "another model (the steps train and deploy), or delete the endpoint (cleanup)."
)
WORSE = (
    "Look at the mistakes: do the photos differ from those of the training? Train with photos like them, and deploy "
    "the model that passes the comparison."
)
MORE = "Classify more photos whose class is known."
LABEL = "Label a sample of the photos: without true classes nobody knows whether the model is right."
MORE_REVIEWED = "Go on with the review (the step review): its random sample has photos of every part."
SAME = "See whether all of the photos show that class; if not, do not use the answers."
WORST: tuple[State, ...] = ("stop", "check", "healthy", "unknown")


def check(evidence: Evidence, limits: Limits) -> Check:
    """Look at the inferences whose photo has a label, and at those that people have reviewed; the worse one decides."""
    labelled = by_labels(evidence, limits)
    if not (evidence.reviewed and evidence.reviewed.photos):
        return labelled
    reviewed = by_review(evidence, evidence.reviewed, limits)
    if labelled.value is None:  # no label is known
        return reviewed if reviewed.state != "unknown" or labelled.state == "unknown" else labelled
    first, second = sorted((reviewed, labelled), key=lambda one: WORST.index(one.state))
    return first if second.state == "unknown" else replace(first, sentence=f"{first.sentence} {second.sentence}")


def by_labels(evidence: Evidence, limits: Limits) -> Check:
    """Compare the share of right inferences with chance, with the least that is allowed and with the test photos."""
    known = {(true, said): number for (true, said), number in evidence.answers.items() if true is not None}
    share = Share(sum(number for (true, said), number in known.items() if true == said), sum(known.values()))
    if not share.whole:
        return without_truth(evidence, limits)
    limit = Limit(least=least(evidence, limits))
    counted = f"{share.part} of {share.whole} with a known class are right"
    if share.whole < limits.enough:
        sentence = f"{counted}; {not_enough(share.whole, limits.enough)}."
        return Check(NAME, "unknown", sentence, MORE, share.value, share.interval, limit)
    counted = f"{counted}: {estimated(share)}"
    if (chance := useless(known, share, evidence.classes)) is not None:
        sentence = f"{counted}, no better than chance: {why_useless(known)}."
        return Check(NAME, "stop", sentence, BROKEN, share.value, share.interval, Limit(least=chance))
    assert share.value is not None
    return compared(counted, share.value, share.interval, evidence, limits)


def by_review(evidence: Evidence, reviewed: Reviewed, limits: Limits) -> Check:
    """Compare the accuracy on real traffic with guessing, with the least that is allowed and with the test photos."""
    limit, seen = Limit(least=least(evidence, limits)), f"{photos(reviewed.photos)} of real traffic"
    if reviewed.photos < limits.enough:
        sentence = f"People have reviewed {seen}; {not_enough(reviewed.photos, limits.enough)}."
        return Check(NAME, "unknown", sentence, MORE_REVIEWED, reviewed.value, reviewed.interval, limit)
    if reviewed.value is None:
        sentence = f"People have reviewed {seen}, but none of a part of it."
        return Check(NAME, "unknown", sentence, MORE_REVIEWED, None, reviewed.interval, limit)
    counted = (
        f"On {reviewed.photos} reviewed photos of real traffic, the model is right for {percent(reviewed.value)} "
        f"({between(reviewed.interval)}), corrected for how they were selected"
    )
    accepted = reviewed.accepted or reviewed.interval
    if guessed(reviewed.interval, evidence.classes) and guessed(accepted, evidence.classes):
        chance = 1 / len(evidence.classes)
        sentence = f"{counted}, no better than chance: guesses would be right for {percent(chance)}."
        return Check(NAME, "stop", sentence, BROKEN, reviewed.value, reviewed.interval, Limit(least=chance))
    return compared(counted, reviewed.value, reviewed.interval, evidence, limits)


def guessed(interval: Interval, classes: tuple[str, ...]) -> bool:
    """Tell whether guesses explain an accuracy, as `useless` does for photos with labels.

    Which classes the reviewed photos show does not count here: photos of none of them can only be wrong, so a good
    model that refuses them is judged by what it accepts, too.
    """
    chance = 1 / len(classes)
    return interval[0] <= chance and interval[1] < (1 + chance) / 2


def compared(counted: str, value: float, interval: Interval, evidence: Evidence, limits: Limits) -> Check:
    """Return the state of an accuracy that is better than chance."""
    limit = Limit(least=least(evidence, limits))
    if limit.least is None or interval[1] >= limit.least:
        return Check(NAME, "healthy", f"{counted}{promised(evidence, 'as')}.", "", value, interval, limit)
    if limits.min_accuracy is not None:
        sentence = f"{counted}, less than the {percent(limit.least)} that are demanded."
        return Check(NAME, "stop", sentence, BROKEN, value, interval, limit)
    return Check(NAME, "check", f"{counted}{promised(evidence, 'less than')}.", WORSE, value, interval, limit)


def least(evidence: Evidence, limits: Limits) -> float | None:
    """Return the least accuracy: the demanded one, or else where the interval of the test accuracy begins."""
    if limits.min_accuracy is not None:
        return limits.min_accuracy
    return evidence.test.interval[0] if evidence.test else None


def promised(evidence: Evidence, compared: str) -> str:
    """Return how that compares with the test photos, "" when their accuracy is unknown."""
    if not evidence.test:
        return ""
    return f", {compared} when the model was deployed: {estimated(evidence.test)} of the test photos"


def without_truth(evidence: Evidence, limits: Limits) -> Check:
    """Say that nobody knows, or that one class for all photos is odd."""
    said = {name for _, name in evidence.answers}
    if len(said) == 1 and len(evidence.classes) > 1 and evidence.captured >= limits.enough:
        sentence = f"The model says {said.pop()} for all {photos(evidence.captured)}, and no true class is known."
        return Check(NAME, "check", sentence, SAME)
    return Check(NAME, "unknown", "No true class is known.", LABEL)


def useless(known: dict[tuple[str, str], int], share: Share, classes: tuple[str, ...]) -> float | None:
    """Return what chance would get right if the answers are no better, None if they are.

    Chance is the same answers dealt to the photos at random; that of a model that says one class for all photos gets
    that class's share right, so that common classes flatter nobody. It must be possible to explain the right answers
    by chance, and the interval must end before half of what is to be had above chance: a few photos of a good model
    can look like chance, too. Photos of one class only can tell nothing but guesses from worse.
    """
    if len({true for true, _ in known}) == 1:
        guessed = 1 / len(classes)
        return guessed if share.interval[1] < guessed else None
    found = agreement(known)
    explained = found.p_value >= SIGNIFICANCE and share.interval[1] < (1 + found.by_chance) / 2
    return found.by_chance if explained else None


def why_useless(known: dict[tuple[str, str], int]) -> str:
    """Return what makes that plain."""
    said = {name for _, name in known}
    if len(said) == 1:
        return f"the model says {said.pop()} for every photo"
    true = Counter[str]()
    for (name, _), number in known.items():
        true[name] += number
    commonest, number = true.most_common(1)[0]
    return f"always saying {commonest} would be right for {percent(number / true.total())}"
