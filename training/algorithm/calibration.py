"""Temperature scaling: make the scores' softmax mean what it says (Guo et al. 2017, arXiv:1706.04599).

Label smoothing leaves the scores under-confident; one number, fitted on images the network was not trained on, mends
it without changing which class comes first.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

COLDEST, HOTTEST = 0.05, 20.0
_HALVINGS = 50


def fit_temperature(scores: Tensor, labels: Tensor) -> float:
    """Return the temperature whose `softmax(scores / temperature)` gives the labels the least cross-entropy.

    The targets are Platt's (1999): with n images of k classes a label counts (n + 1) / (n + k) instead of 1, so that
    a handful of images that are all right doesn't make the model infinitely sure.

    Args:
        scores: (n, k), before softmax, of images that were not trained on.
        labels: (n,), from 0.
    """
    scores = scores.double()
    n, k = scores.shape
    targets = (functional.one_hot(labels, k) * n + 1) / (n + k)
    wanted = (targets * scores).sum()  # mean score under the targets; the optimum reproduces it
    low, high = math.log(COLDEST), math.log(HOTTEST)
    for _ in range(_HALVINGS):  # the mean score under the softmax falls as the temperature rises
        middle = (low + high) / 2
        expected = (torch.softmax(scores / math.exp(middle), dim=1) * scores).sum()
        low, high = (middle, high) if expected > wanted else (low, middle)
    return math.exp((low + high) / 2)
