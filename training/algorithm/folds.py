"""Split photos into folds, each with its share of every class."""

import torch
from torch import Tensor

from .errors import InputError


def stratified_folds(labels: Tensor, k: int) -> Tensor:
    """Return the fold of each photo, drawn at random, (n,), from 0; a class is spread over as many folds as it can be.

    The sizes of two folds differ by one photo at most: each class goes on at the fold where the one before it ended.

    Raises:
        InputError: A class has one photo: the networks that have not seen that photo have not seen its class.
    """
    folds = torch.empty(len(labels), dtype=torch.int64)
    dealt = 0
    for label in sorted(set(labels.tolist())):
        rows = (labels == label).nonzero()[:, 0]
        if len(rows) < 2:
            raise InputError(f"Class {label} has {len(rows)} photo: cross-validation needs at least 2 of each class.")
        folds[rows[torch.randperm(len(rows))]] = (dealt + torch.arange(len(rows))) % k
        dealt += len(rows)
    return folds
