"""Whether what a model says has anything to do with what the photos show."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from scipy import special


@dataclass(frozen=True)
class Agreement:
    """How often two classes of the same photos are equal, and how often they would be by chance."""

    equal: int
    cases: int
    by_chance: float  # share, in [0, 1], when the predicted classes are dealt to the photos at random
    p_value: float  # of at least so many equal ones by chance, in [0, 1]; 1 when chance allows nothing else


def agreement(pairs: Mapping[tuple[str, str], int]) -> Agreement:
    """Compare true and predicted classes.

    The number of equal ones among random pairs with the same classes on each side has this mean and variance (Everitt
    1968, Moments of the statistics kappa and weighted kappa); its tail is taken from a normal distribution, with
    Yates's correction.

    Args:
        pairs: How many photos have each (true class, predicted class); at least two photos.
    """
    true, predicted = Counter[str](), Counter[str]()
    for (one, other), number in pairs.items():
        true[one] += number
        predicted[other] += number
    equal = sum(number for (one, other), number in pairs.items() if one == other)
    cases = true.total()
    products = {name: true[name] * predicted[name] for name in true}
    mean = sum(products.values()) / cases
    own = sum(products[name] * (cases - true[name]) * (cases - predicted[name]) for name in true)
    others = sum(products.values()) ** 2 - sum(product**2 for product in products.values())
    variance = (own + others) / (cases**2 * (cases - 1))
    half_step = 1.0 if len(true.keys() | predicted.keys()) == 2 else 0.5  # of two classes, two photos change at once
    p_value = float(special.ndtr((mean - equal + half_step) / math.sqrt(variance))) if variance > 0 else 1.0
    return Agreement(equal, cases, mean / cases, p_value)
