"""Scope: when accuracy is healthy, is to be looked at, or means that the model is broken."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.training.checks.evidence import HEALTHY, UNLABELLED, answers
from training.checks.accuracy import check
from training.checks.check import Check
from training.checks.evidence import Evidence, Reviewed
from training.checks.limits import Limits
from training.statistics.intervals import Share

LIMITS = Limits()


def of(bicycles: tuple[int, int], motorcycles: tuple[int, int], limits: Limits = LIMITS) -> Check:
    return check(replace(HEALTHY, answers=answers(bicycles, motorcycles)), limits)


def test_the_interval_decides_not_the_share() -> None:
    assert of((92, 8), (8, 92)).state == "healthy"  # .920 (.874 to .950), tested with .960 (.923 to .980)
    assert of((83, 17), (17, 83)).state == "check"  # .830 (.772 to .876)


def test_value_interval_and_limit_go_with_it() -> None:
    found = of((83, 17), (17, 83))
    assert found.value == 0.83 and found.interval == pytest.approx((0.7718, 0.8757), abs=1e-4)
    assert found.limit.least == pytest.approx(0.9231, abs=1e-4)
    assert "166 of 200" in found.sentence and "96.0% (92.3% to 98.0%)" in found.sentence


@pytest.mark.parametrize(
    ("bicycles", "motorcycles", "why"),
    [
        ((0, 100), (100, 0), "always saying bicycle would be right for 50.0%"),  # the classes are exchanged
        ((50, 50), (50, 50), "no better than chance"),
        ((100, 0), (100, 0), "the model says bicycle for every photo"),
        ((0, 30), (0, 170), "the model says motorcycle for every photo"),
        ((190, 0), (10, 0), "the model says bicycle for every photo"),
        ((171, 19), (9, 1), "always saying bicycle would be right for 95.0%"),
    ],
)
def test_a_model_that_knows_nothing_is_stopped(
    bicycles: tuple[int, int], motorcycles: tuple[int, int], why: str
) -> None:
    found = of(bicycles, motorcycles)
    assert found.state == "stop"
    assert why in found.sentence


@pytest.mark.parametrize(
    ("bicycles", "motorcycles"),
    [
        ((186, 4), (2, 8)),  # 97 % right, where always saying bicycle is right for 95 %
        ((182, 8), (3, 7)),  # less right than always saying bicycle, but it tells them apart
        ((196, 4), (0, 0)),  # one class only
        ((198, 0), (2, 0)),  # two photos of the other class are no evidence
    ],
)
def test_a_common_class_does_not_make_a_good_model_useless(
    bicycles: tuple[int, int], motorcycles: tuple[int, int]
) -> None:
    assert of(bicycles, motorcycles).state == "healthy"


def test_photos_of_one_class_stop_when_most_are_wrong() -> None:
    assert of((60, 140), (0, 0)).state == "stop"
    assert of((110, 90), (0, 0)).state == "check"


def test_few_models_that_are_fair_are_stopped_on_few_photos() -> None:
    generator, stopped = np.random.default_rng(0), 0
    for _ in range(1000):  # right for 75 % of 30 photos
        one, other = (int(right) for right in generator.binomial(15, 0.75, 2))
        stopped += of((one, 15 - one), (15 - other, other)).state == "stop"
    assert stopped <= 50


def test_nearly_all_models_that_guess_are_stopped_on_100_photos() -> None:
    generator, stopped = np.random.default_rng(0), 0
    for _ in range(1000):
        one, other = (int(right) for right in generator.binomial(50, 0.5, 2))
        stopped += of((one, 50 - one), (50 - other, other)).state == "stop"
    assert stopped >= 930


def test_29_photos_are_not_enough() -> None:
    found = of((15, 0), (0, 14))
    assert found.state == "unknown" and found.sentence.endswith("not enough: 29 of 30.")
    assert of((15, 0), (0, 15)).state == "healthy"


def test_a_demanded_accuracy_stops() -> None:
    limits = Limits(min_accuracy=0.9)
    assert of((83, 17), (17, 83), limits).state == "stop"
    assert of((88, 12), (12, 88), limits).state == "healthy"
    assert of((83, 17), (17, 83), limits).limit.least == 0.9


def test_without_a_test_accuracy_only_chance_is_the_limit() -> None:
    found = check(replace(HEALTHY, test=None, answers=answers((70, 30), (30, 70))), LIMITS)
    assert found.state == "healthy" and found.limit.least is None


def test_a_test_of_few_photos_promises_little() -> None:
    found = check(replace(HEALTHY, test=Share(10, 10), answers=answers((80, 20), (20, 80))), LIMITS)
    assert found.state == "healthy"


def test_unlabelled_photos_count_neither_as_right_nor_as_wrong() -> None:
    table = {**HEALTHY.answers, (None, "bicycle"): 500}
    assert check(replace(HEALTHY, answers=table), LIMITS) == check(HEALTHY, LIMITS)


def test_one_class_for_all_photos_is_odd_without_labels_too() -> None:
    same = replace(UNLABELLED, answers={(None, "bicycle"): 200})
    assert check(same, LIMITS).state == "check"
    assert "says bicycle for all 200 photos" in check(same, LIMITS).sentence
    assert check(replace(same, captured=29, answers={(None, "bicycle"): 29}), LIMITS).state == "unknown"
    assert check(UNLABELLED, LIMITS).state == "unknown"


REVIEWED = Reviewed(61, 0.93, (0.85, 0.97), (0.9, 0.99))


def seen(given: Reviewed, evidence: Evidence = UNLABELLED, limits: Limits = LIMITS) -> Check:
    return check(replace(evidence, reviewed=given), limits)


def test_reviewed_photos_tell_the_accuracy_where_no_label_is_known() -> None:
    found = seen(REVIEWED)
    assert (found.state, found.value, found.interval) == ("healthy", 0.93, (0.85, 0.97))
    assert found.sentence == (
        "On 61 reviewed photos of real traffic, the model is right for 93.0% (85.0% to 97.0%), corrected for how they "
        "were selected, as when the model was deployed: 96.0% (92.3% to 98.0%) of the test photos."
    )


def test_the_worse_of_labels_and_review_decides_and_both_are_told() -> None:
    worse = Reviewed(61, 0.7, (0.6, 0.8), (0.6, 0.9))
    found = seen(worse, HEALTHY)
    assert (found.state, found.value) == ("check", 0.7)
    assert found.sentence.index("On 61 reviewed") < found.sentence.index("190 of 200 with a known class")
    found = seen(REVIEWED, replace(HEALTHY, answers=answers((0, 100), (100, 0))))
    assert (found.state, found.value) == ("stop", 0)
    assert found.sentence.index("0 of 200") < found.sentence.index("On 61 reviewed")
    assert seen(REVIEWED, HEALTHY).value == 0.93  # equally good: real traffic is what matters


def test_reviewed_guesses_are_stopped_unless_the_accepted_ones_are_right() -> None:
    guesses = Reviewed(61, 0.5, (0.4, 0.6), (0.3, 0.7))
    assert seen(guesses).state == "stop"
    assert "guesses would be right for 50.0%" in seen(guesses).sentence
    assert seen(replace(guesses, accepted=None)).state == "stop"  # all are refused
    assert seen(replace(guesses, accepted=(0.85, 0.99))).state == "check"  # strange photos, which it refuses
    assert seen(REVIEWED, limits=Limits(min_accuracy=0.98)).state == "stop"


def test_a_review_that_says_too_little_leaves_the_labels_alone() -> None:
    few, partial = Reviewed(29, 0.2, (0.1, 0.3)), Reviewed(61, None, (0.3, 0.9))
    for given, words in ((few, "not enough: 29 of 30"), (partial, "but none of a part of it")):
        assert seen(given, HEALTHY) == check(HEALTHY, LIMITS)
        assert seen(given).state == "unknown" and words in seen(given).sentence
    same = replace(UNLABELLED, answers={(None, "bicycle"): 200})
    assert seen(few, same).state == "check" and seen(REVIEWED, same).state == "healthy"
