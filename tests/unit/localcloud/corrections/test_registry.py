"""The list of corrections is complete, and fits the MiniStack that is installed."""

from collections import Counter
from urllib.parse import urlsplit

import pytest

from localcloud import LocalCloudError
from localcloud.corrections.correction import Correction
from localcloud.corrections.registry import CORRECTIONS, chosen

each = pytest.mark.parametrize("correction", CORRECTIONS, ids=lambda correction: correction.name)


@each
def test_the_installed_ministack_is_the_one_it_was_written_for(correction: Correction) -> None:
    assert correction.problem() is None


@each
def test_it_says_what_aws_does_and_where_that_is_documented(correction: Correction) -> None:
    assert correction.aws.endswith((".", ".)"))
    assert urlsplit(correction.link).scheme == "https"


@pytest.mark.parametrize("member", ["name", "target"])
def test_nothing_is_replaced_twice(member: str) -> None:
    counts = Counter(getattr(correction, member) for correction in CORRECTIONS)
    assert [value for value, count in counts.items() if count > 1] == []


def test_corrections_are_left_out_by_name() -> None:
    first, second, *others = CORRECTIONS
    assert list(chosen("")) == list(CORRECTIONS)
    assert list(chosen(f"{first.name}, {second.name}")) == others


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(LocalCloudError, match="LOCALCLOUD_WITHOUT names s3-missing, which is no correction"):
        list(chosen("s3-missing"))
