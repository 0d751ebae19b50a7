"""The photos of several channels under common row numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .data import Photos


@dataclass(frozen=True)
class Pool:
    """Photos of the same shape; one after another they would be copied, and need their memory twice."""

    parts: Sequence[Photos]

    @cached_property
    def labels(self) -> Tensor:
        """The class of each row, (n,), from 0."""
        return torch.cat([part.labels for part in self.parts])

    def rows(self, part: int) -> Tensor:
        """Return the rows of a part, (n,)."""
        first = sum(len(earlier.labels) for earlier in self.parts[:part])
        return torch.arange(first, first + len(self.parts[part].labels))

    def pixels(self, rows: Tensor) -> Tensor:
        """Return the pixels of some rows, in their order, uint8, (len(rows), height, width, channels)."""
        found = self.parts[0].pixels.new_empty((len(rows), *self.parts[0].pixels.shape[1:]))
        first = 0
        for part in self.parts:
            here = (rows >= first) & (rows < first + len(part.labels))
            found[here] = part.pixels[rows[here] - first]
            first += len(part.labels)
        return found
