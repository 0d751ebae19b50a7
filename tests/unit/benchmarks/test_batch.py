"""The benchmark of batches tells whether each photo has exactly one verdict."""

import pytest

from benchmarks.batch import judge, outcome_of
from training.batch.photos import Source

SOURCE = Source("images/", 3, prefix="images/")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["images/a", "images/b", "images/c"], "yes"),
        (["images/a", "images/b"], "NO: 0 twice, 1 missing, 0 foreign"),
        (["images/a", "images/b", "images/b"], "NO: 1 twice, 1 missing, 0 foreign"),
        (["images/a", "images/b", "images/c", "x"], "NO: 0 twice, 0 missing, 1 foreign"),
    ],
)
def test_it_judges_by_the_keys(keys: list[str], said: str) -> None:
    assert judge(SOURCE, [{"s3_key": key} for key in keys]) == said


def test_an_error_is_an_outcome_under_its_name() -> None:
    verdicts: list[dict[str, object]] = [{"accepted": True}, {"accepted": False}, {"error": "InvalidImageError"}]
    assert [outcome_of(one) for one in verdicts] == ["accepted", "refused", "InvalidImageError"]
