"""Accuracy on all traffic, from a sample in which refused photos are over-represented."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from training.review.answers import NONE_OF_THESE, UNUSABLE, Answer, table
from training.review.estimate import estimate, estimate_accepted
from training.review.selection import Sizes, select

BLANK = Answer(
    "e", "", "", "", "cat", "2026-01-01T00:00:00+00:00", "accepted", 1, "2026-01-01T00:00:00+00:00", "cat", 1, 0.9
)


def traffic(random: np.random.Generator, number: int) -> tuple[pd.DataFrame, "pd.Series[bool]"]:
    """Return inferences, and which of them are right: the less confident, the more often wrong."""
    confidence = 1 - random.beta(0.6, 6, number)
    right = random.random(number) < 0.3 + 0.68 * confidence**2
    inferences = pd.DataFrame(
        {
            "event_id": [f"e{one}" for one in range(number)],
            "confidence": confidence,
            "predicted_class": "cat",
            "true_class": None,
            "below_threshold": confidence < 0.9,
        }
    )
    return inferences, pd.Series(right)


def true_accuracy() -> float:
    confidence = 1 - np.random.default_rng(7).beta(0.6, 6, 1_000_000)
    return float((0.3 + 0.68 * confidence**2).mean())


def answered(
    inferences: pd.DataFrame, right: "pd.Series[bool]", sizes: Sizes, threshold: float = 0.9, seed: int = 0
) -> pd.DataFrame:
    """Return the answers to a selection."""
    chosen = select(inferences.assign(below_threshold=inferences["confidence"] < threshold), sizes, seed)
    is_right = pd.Series(right.to_numpy(), index=inferences["event_id"])[chosen["event_id"]].to_numpy()
    return chosen[["event_id"]].assign(answer=np.where(is_right, "cat", "dog"), threshold=threshold)


def simulate(number: int, sizes: Sizes, runs: int) -> npt.NDArray[np.float64]:
    """Return value, low, high and the uncorrected share of right answers of many reviews, shape (runs, 4)."""
    random = np.random.default_rng(0)
    found = []
    for run in range(runs):
        inferences, right = traffic(random, number)
        answers = answered(inferences, right, sizes, seed=run)
        one = estimate(inferences, answers)
        found.append((one.value, one.low, one.high, (answers["answer"] == "cat").mean()))
    return np.array(found, dtype=float)


def test_the_interval_holds_the_true_accuracy() -> None:
    runs, truth = 100, true_accuracy()
    value, low, high, uncorrected = simulate(400, Sizes(60, 0, 60), runs).T
    coverage = ((low <= truth) & (truth <= high)).mean()
    assert coverage > 0.95 - 3 * np.sqrt(0.95 * 0.05 / runs)
    assert (high - low).mean() < 0.2
    assert abs(value.mean() - truth) < 3 * value.std() / np.sqrt(runs)
    assert abs(uncorrected.mean() - truth) > 0.03  # what the correction is for


def test_all_reviewed_gives_the_share_of_right_answers() -> None:
    inferences, right = traffic(np.random.default_rng(1), 300)
    found = estimate(inferences, answered(inferences, right, Sizes(300, 300, 300)))
    assert found.value == pytest.approx(right.mean())
    assert found.low < right.mean() < found.high
    assert (found.n, found.traffic) == (300, 300)


def test_without_a_mistake_among_the_reviewed_the_interval_has_a_width() -> None:
    inferences, _ = traffic(np.random.default_rng(1), 300)
    found = estimate(inferences, answered(inferences, pd.Series([True] * 300), Sizes(50, 0, 50)))
    assert found.value == found.high == 1
    assert 0.85 < found.low < 0.97


def test_a_part_of_the_traffic_that_nobody_reviewed_may_be_all_right_or_all_wrong() -> None:
    inferences, right = traffic(np.random.default_rng(1), 300)
    found = estimate(inferences, answered(inferences, right, Sizes(300, 0, 0)))
    assert found.value is None
    accepted = (~inferences["below_threshold"]).mean()
    assert found.high - found.low > accepted


def test_without_answers_nothing_is_known() -> None:
    inferences, _ = traffic(np.random.default_rng(1), 30)
    for found in (estimate(inferences, table([])), estimate(inferences.head(0), table([]))):
        assert (found.value, found.low, found.high, found.n) == (None, 0, 1, 0)


def test_only_the_accepted() -> None:
    inferences, right = traffic(np.random.default_rng(2), 500)
    accepted = ~inferences["below_threshold"]
    found = estimate_accepted(inferences, answered(inferences, right, Sizes(500, 500, 500)))
    assert found.value == pytest.approx(right[accepted].mean())
    assert found.traffic == accepted.sum()


def test_what_cannot_be_told_does_not_count_and_what_is_no_class_is_wrong() -> None:
    inferences = traffic(np.random.default_rng(1), 4)[0].assign(confidence=0.95, below_threshold=False)
    given = ["cat", "cat", NONE_OF_THESE, UNUSABLE]
    found = estimate(inferences, table([replace(BLANK, event_id=f"e{n}", answer=one) for n, one in enumerate(given)]))
    assert found.value == pytest.approx(2 / 3)
    assert found.n == 3


def test_answers_at_two_thresholds_count_each_inference_as_often_as_it_occurs() -> None:
    """All that was refused at .9 is reviewed; then the threshold is lowered to .7, and a few accepted are reviewed."""
    random = np.random.default_rng(3)
    inferences, right = traffic(random, 3000)
    before = answered(inferences, right, Sizes(3000, 0, 0), threshold=0.9)
    after = answered(inferences, right, Sizes(0, 0, 400), threshold=0.7)
    answers = pd.concat([before, after]).drop_duplicates("event_id")
    found = estimate(inferences.assign(below_threshold=inferences["confidence"] < 0.7), answers)
    assert found.value is not None
    assert abs(found.value - right.mean()) < 0.02
    assert found.low < right.mean() < found.high


def test_known_mistakes_are_reviewed_more_often_and_count_once() -> None:
    inferences, right = traffic(np.random.default_rng(4), 2000)
    labelled = inferences.assign(true_class=np.where(right, "cat", "dog"))
    found = estimate(labelled, answered(labelled, right, Sizes(500, 500, 50)))
    assert found.value == pytest.approx(right.mean(), abs=0.02)


def test_answers_about_other_traffic_are_left_out() -> None:
    inferences, right = traffic(np.random.default_rng(5), 100)
    answers = answered(inferences, right, Sizes(100, 0, 100))
    assert estimate(inferences, answers) == estimate(
        inferences, pd.concat([answers, table([replace(BLANK, event_id="other", answer="dog")])])
    )
