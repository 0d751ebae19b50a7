"""Scope: how far confidence and accuracy are apart, and how far they would be by chance."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.training.report.tables import FEW, table
from training.report.calibration import Bin, bins_of, calibration, error_by_chance, error_of
from training.statistics.intervals import Share


def inferences(confidence: "np.typing.NDArray[np.float64]", right: "np.typing.NDArray[np.bool_]") -> pd.DataFrame:
    rows = zip(confidence, np.where(right, "bicycle", "motorcycle"), strict=True)
    return table(*((0, str(true), "bicycle", float(sure)) for sure, true in rows))


def test_the_error_is_the_mean_distance_weighted_by_inferences() -> None:
    bins = (Bin(0.6, Share(9, 10)), Bin(0.9, Share(24, 30)))
    assert error_of(bins) == pytest.approx((10 * 0.3 + 30 * 0.1) / 40)


def test_unlabelled_inferences_do_not_count() -> None:
    found = calibration(FEW)
    assert found is not None and found.right == Share(3, 5)
    assert found.confidence == pytest.approx((0.99 + 0.93 + 0.97 + 0.55 + 0.61) / 5)
    assert calibration(FEW[FEW["true_class"].isna()]) is None


def test_bins_hold_equally_many_and_their_own_shares() -> None:
    sure = np.linspace(0.5, 1, 200)
    found = calibration(inferences(sure, sure > 0.75))
    assert found is not None
    assert [one.right.whole for one in found.bins] == [20] * 10
    assert [one.right.part for one in found.bins] == [0] * 5 + [20] * 5
    assert [one.confidence for one in found.bins] == pytest.approx(sure.reshape(10, 20).mean(axis=1))


def test_equal_confidences_share_a_bin_whatever_their_order() -> None:
    right = np.arange(100) < 60
    for order in (np.arange(100), np.random.default_rng(0).permutation(100)):
        found = calibration(inferences(np.full(100, 0.95), right[order]))
        assert found is not None and [one.right for one in found.bins] == [Share(60, 100)]
        assert found.error == pytest.approx(0.35)


def test_a_model_that_keeps_its_word_is_beyond_chance_in_one_run_of_twenty() -> None:
    generator, alarms = np.random.default_rng(0), 0
    for _ in range(200):
        sure = generator.uniform(0.5, 1, 150)
        bins = bins_of(sure, generator.random(150) < sure)
        alarms += error_of(bins) > error_by_chance(bins)
    assert 2 <= alarms <= 20  # 10 expected


def test_a_model_too_sure_of_itself_is_beyond_chance() -> None:
    sure = np.random.default_rng(0).uniform(0.9, 1, 200)
    found = calibration(inferences(sure, np.arange(200) % 4 > 0))
    assert found is not None and found.beyond_chance and found.error == pytest.approx(found.confidence - 0.75, abs=0.01)


def test_more_inferences_leave_less_to_chance() -> None:
    few, many = ((Bin(0.8, Share(0, size)),) for size in (50, 5000))
    assert error_by_chance(few) == pytest.approx(1.96 * (0.16 / 50) ** 0.5, rel=0.1)
    assert error_by_chance(many) == pytest.approx(1.96 * (0.16 / 5000) ** 0.5, rel=0.1)
