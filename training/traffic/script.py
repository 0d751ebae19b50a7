"""What is sent and when, decided before the first photo: each moment's photo, and what is done to it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import NamedTuple

import numpy as np
from PIL import Image

from training.errors import TrafficError
from training.options import Shift, TrafficOptions
from training.traffic import corrupt, shifts
from training.traffic.photos import Photo
from training.traffic.schedule import Load, moments

UNCHANGED = "unchanged"
CORRUPT = "corrupt, "  # before the kind


class Content(NamedTuple):
    """A file that is sent, perhaps many times."""

    photo: Photo
    change: str  # UNCHANGED, shifts, or CORRUPT and a kind
    body: bytes
    suffix: str  # of the key
    error: str = ""  # that is expected; "" for a photo that can be classified

    @property
    def class_name(self) -> str:
        """The true class, "" where nobody knows it, or where the file is no photo any more."""
        return "" if self.error else self.photo.class_name


@dataclass(frozen=True)
class Item:
    """A photo that is sent once."""

    number: int  # from 1
    due: float  # seconds after the begin
    content: Content


def write(options: TrafficOptions, photos: Sequence[Photo]) -> list[Item]:
    """Return the photos in the order in which they are sent; the same seed gives the same ones.

    Raises:
        TrafficError: There are too many, a class of the mix has no photo, or Pillow cannot read a photo.
    """
    generator = np.random.default_rng(options.seed)
    due = moments(Load(options.rate, options.duration, options.burst, options.poisson), generator)
    chosen = choose(photos, options.mix, len(due), generator)
    spoilt = generator.random(len(due)) < options.corrupt
    kinds = generator.choice(list(corrupt.KINDS), len(due))
    contents = Contents(options.seed)
    items = []
    for number, (moment, photo) in enumerate(zip(due.tolist(), chosen, strict=True)):
        if spoilt[number]:
            content = contents.corrupt(photo, str(kinds[number]))
        else:
            content = contents.shifted(photo, tuple(one for one in options.shift if one.start <= moment))
        items.append(Item(number + 1, moment, content))
    return items


def choose(
    photos: Sequence[Photo], mix: Sequence[tuple[str, float]], number: int, generator: np.random.Generator
) -> list[Photo]:
    """Return so many photos: by the shares of a mix at random, else all in turn."""
    if not mix:
        turn = cycle(photos)
        return [next(turn) for _ in range(number)]
    classes: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        classes[photo.class_name].append(photo)
    if missing := [name for name, share in mix if share and name not in classes]:
        known = ", ".join(sorted(name for name in classes if name)) or "none"
        raise TrafficError(f"There is no photo of the class {missing[0]} of --mix: the classes are {known}.")
    shares = np.array([share for _, share in mix])
    turns = {name: cycle(found) for name, found in classes.items()}
    names = generator.choice(len(mix), number, p=shares / shares.sum())
    return [next(turns[mix[one][0]]) for one in names]


class Contents:
    """The files that are sent, each made once."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made: dict[tuple[str, str], Content] = {}

    def shifted(self, photo: Photo, active: tuple[Shift, ...]) -> Content:
        change = "+".join(map(str, active)) or UNCHANGED
        key = (photo.name, change)
        if key not in self._made:
            self._made[key] = Content(photo, change, photo.content, photo.suffix)
            if active:
                generator = np.random.default_rng([self._seed, len(self._made)])
                body = attempt(photo, lambda content: shifts.changed(content, active, generator))
                self._made[key] = Content(photo, change, body, ".png")
        return self._made[key]

    def corrupt(self, photo: Photo, kind: str) -> Content:
        key = (photo.name, kind) if kind == "truncated" else ("", kind)  # the others may be the same for all photos
        if key not in self._made:
            make, suffix, error = corrupt.KINDS[kind]
            self._made[key] = Content(photo, f"{CORRUPT}{kind}", attempt(photo, make), suffix, error)
        return self._made[key]


def attempt(photo: Photo, change: Callable[[bytes], bytes]) -> bytes:
    """Return a photo after a change.

    Raises:
        TrafficError: Pillow cannot read the photo.
    """
    try:
        return change(photo.content)
    except (OSError, ValueError, Image.DecompressionBombError) as err:
        raise TrafficError(
            f"The photo {photo.name} cannot be changed ({err}): leave it out of --photos, or leave out --shift and "
            "--corrupt."
        ) from err
