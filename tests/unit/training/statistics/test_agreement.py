"""Scope: what chance makes of the agreement of two classes is what dealing them out at random shows."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import fisher_exact

from training.statistics.agreement import agreement


def pairs(true: list[str], predicted: list[str]) -> Counter[tuple[str, str]]:
    return Counter(zip(true, predicted, strict=True))


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.1), (0.5, 0.3, 0.2), (0.25,) * 4])
def test_chance_is_what_classes_dealt_at_random_show(shares: tuple[float, ...]) -> None:
    generator = np.random.default_rng(0)
    names = [f"class {number}" for number in range(len(shares))]
    true, predicted = (list(generator.choice(names, 80, p=shares)) for _ in range(2))
    dealt = [sum(np.array(true) == generator.permutation(predicted)) for _ in range(4_000)]
    found = agreement(pairs(true, predicted))
    assert found.by_chance * 80 == pytest.approx(np.mean(dealt), abs=4 * np.std(dealt) / 4_000**0.5)
    assert found.p_value == pytest.approx(np.mean(np.array(dealt) >= found.equal), abs=0.04)


@pytest.mark.parametrize(("right", "wrong"), [(12, 18), (15, 15), (20, 10), (24, 6), (30, 0)])
def test_two_classes_give_the_p_value_of_fisher(right: int, wrong: int) -> None:
    table = {("a", "a"): right, ("b", "b"): right, ("a", "b"): wrong, ("b", "a"): wrong}
    wanted = fisher_exact([[right, wrong], [wrong, right]], alternative="greater").pvalue
    assert agreement(table).p_value == pytest.approx(wanted, abs=0.005)


def test_one_class_for_all_photos_is_chance() -> None:
    found = agreement({("a", "a"): 90, ("b", "a"): 10})
    assert (found.equal, found.by_chance, found.p_value) == (90, 0.9, 1.0)
