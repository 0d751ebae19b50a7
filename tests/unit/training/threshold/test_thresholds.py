"""What each threshold of the list accepts, gets wrong and costs."""

import pandas as pd
import pytest

from training.threshold.thresholds import Aim, Costs, Row, least_cost, lowest_proven, next_to_prove, rows

AIM = Aim(0.02, 0.95)


def photos(*groups: tuple[float, int, int]) -> pd.DataFrame:
    """Return photos: for each confidence, so many right ones and so many wrong ones."""
    lines = [(confidence, "a", "a") for confidence, right, _ in groups for _ in range(right)]
    lines += [(confidence, "a", "b") for confidence, _, wrong in groups for _ in range(wrong)]
    return pd.DataFrame(lines, columns=["confidence", "predicted_class", "true_class"])


def judged(*groups: tuple[float, int, int], aim: Aim = AIM) -> dict[float, Row]:
    return {row.threshold: row for row in rows(photos(*groups), 2, 0.93, aim)}


def test_the_list_holds_the_deployed_threshold_once_and_none_that_refuses_nothing() -> None:
    listed = [row.threshold for row in rows(photos((0.9, 1, 0)), 2, 0.93, AIM)]
    assert listed == sorted(set(listed))
    assert (listed[0], listed[-1], listed.count(0.93)) == (0.5, 0.999, 1)
    assert 0.912 in [row.threshold for row in rows(photos((0.9, 1, 0)), 2, 0.912, AIM)]
    assert rows(photos((0.9, 1, 0)), 10, 0.93, AIM)[0].threshold == 0.1


def test_an_equal_confidence_is_accepted() -> None:
    found = judged((0.95, 3, 1), (0.9, 4, 2))
    assert (found[0.95].accepted, found[0.95].errors, found[0.95].refused) == (4, 1, 6)
    assert (found[0.9].accepted, found[0.9].errors) == (10, 3)
    assert found[0.95].error_share == 0.25
    assert found[0.96].error_share is None
    assert found[0.96].error_interval == (0, 1)
    assert (found[0.95].refusals, found[0.95].coverage) == (600, 0.4)
    assert found[0.95].refusals_interval == pytest.approx((312.67, 831.82), abs=0.01)  # Wilson's of 6 of 10


def test_the_lowest_proven_threshold_accepts_most() -> None:
    found = [*judged((0.99, 200, 0), (0.9, 40, 0), (0.6, 10, 20)).values()]
    best = lowest_proven(found)
    assert best is not None
    assert (best.threshold, best.accepted, best.proven) == (0.65, 240, True)


def test_where_nothing_is_proven_the_nearest_is_named() -> None:
    found = [*judged((0.97, 107, 0), (0.6, 50, 3)).values()]
    assert lowest_proven(found) is None
    near = next_to_prove(found)
    assert near is not None
    assert (near.threshold, near.accepted, near.errors) == (0.97, 107, 0)


def test_a_threshold_with_too_many_errors_is_nearer_than_a_strict_one() -> None:
    near = next_to_prove([*judged((0.99, 10, 0), (0.9, 200, 1)).values()])
    assert near is not None
    assert (near.accepted, near.errors) == (211, 1)


def test_costs_weigh_errors_against_reviews() -> None:
    aim = Aim(0.02, 0.95, Costs(error=10, review=1))
    found = judged((0.99, 100, 0), (0.9, 90, 10), aim=aim)
    assert (found[0.5].cost, found[0.95].cost) == (500, 500)
    cheap = least_cost([*judged((0.99, 100, 0), (0.9, 91, 9), aim=aim).values()])
    assert cheap is not None
    assert (cheap.threshold, cheap.cost) == (0.9, 450)


def test_of_equal_costs_the_strictest_threshold_is_chosen() -> None:
    row = least_cost([*judged((0.99, 100, 0), aim=Aim(0.02, 0.95, Costs(1, 1))).values()])
    assert row is not None
    assert row.threshold == 0.99


def test_the_interval_of_a_cost_has_a_width_without_an_error() -> None:
    row = judged((0.99, 100, 0), aim=Aim(0.02, 0.95, Costs(10, 1)))[0.5]
    assert row.cost == 0
    low, high = row.cost_interval or (-1, -1)
    assert low == 0
    assert high == pytest.approx(1000 * 0.0369935 * (10**2 + 1) ** 0.5, rel=1e-4)  # both shares: 0 of 100


def test_without_costs_nothing_is_cheapest() -> None:
    assert least_cost([*judged((0.99, 1, 0)).values()]) is None
    assert judged((0.99, 1, 0))[0.5].cost_interval is None
