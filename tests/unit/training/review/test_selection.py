"""The refused, the mistakes and a random sample of the accepted, with the probability of each."""

import numpy as np
import pandas as pd

from training.review.selection import ACCEPTED, MISTAKE, REFUSED, Sizes, random_number, select, strata

SIZES = Sizes(refused=20, mistake=20, accepted=50)


def traffic(number: int, refused: int = 30, mistakes: int = 10) -> pd.DataFrame:
    """Return inferences of which the first are refused, and the next mistakes."""
    place = np.arange(number)
    true = np.where(place < refused + mistakes, "moped", "bicycle").astype(object)
    true[number // 2 :] = None  # nobody knows
    return pd.DataFrame(
        {
            "event_id": [f"e{one}" for one in place],
            "below_threshold": place < refused,
            "true_class": true,
            "predicted_class": "bicycle",
        }
    )


def test_each_inference_is_in_one_stratum() -> None:
    assert strata(traffic(1000)).value_counts().to_dict() == {ACCEPTED: 960, REFUSED: 30, MISTAKE: 10}


def test_a_stratum_has_its_size_and_probability() -> None:
    found = select(traffic(1000), SIZES, 0)
    assert dict(found.value_counts(["stratum", "inclusion_probability"])) == {
        (REFUSED, 20 / 30): 20,
        (MISTAKE, 1.0): 10,
        (ACCEPTED, 50 / 960): 50,
    }


def test_the_seed_alone_decides() -> None:
    first, again, other = (select(traffic(1000), SIZES, seed)["event_id"].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_a_beginning_has_a_part_of_each_stratum() -> None:
    beginning = select(traffic(1000), SIZES, 0).head(16)["stratum"].value_counts().to_dict()
    assert beginning[ACCEPTED] in (9, 10, 11)
    assert beginning[REFUSED] in (3, 4, 5)
    assert beginning[MISTAKE] in (1, 2, 3)


def test_more_traffic_or_a_larger_sample_keeps_what_was_selected() -> None:
    small = set(select(traffic(1000), SIZES, 0)["event_id"])
    large = set(select(traffic(1000), Sizes(40, 40, 80), 0)["event_id"])
    assert small < large
    grown = set(select(traffic(1100), SIZES, 0)["event_id"])
    assert len(small & grown) > 0.8 * len(small)


def test_each_inference_of_a_stratum_is_selected_equally_often() -> None:
    inferences = traffic(200, refused=10, mistakes=0)
    counts = sum(
        inferences["event_id"].isin(select(inferences, Sizes(5, 5, 38), seed)["event_id"]).astype(int)
        for seed in range(100)
    )
    expected = np.where(inferences["below_threshold"], 0.5, 0.2) * 100
    assert np.abs(counts - expected).max() < 4.5 * np.sqrt(100 * 0.25)


def test_nothing_to_select() -> None:
    found = select(traffic(0, 0, 0), SIZES, 0)
    assert len(found) == 0
    assert {"stratum", "inclusion_probability"} <= {*found.columns}


def test_a_random_number_is_spread_evenly() -> None:
    numbers = [random_number(3, f"e{one}") for one in range(2000)]
    assert 0.47 < np.mean(numbers) < 0.53
    assert 0 <= min(numbers) < 0.01
    assert 0.99 < max(numbers) < 1
