"""Changes of photos: each does what its name says, more of it with more strength, and the same with the same seed."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.training.traffic.conftest import png
from training.options import SHIFTS, Shift
from training.traffic.shifts import CHANGES, changed


def pixels(content: bytes) -> Any:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float64)


def shifted(kind: str, strength: float, seed: int = 0) -> Any:
    return pixels(changed(PHOTO, [Shift(kind, strength)], np.random.default_rng(seed)))


def sharpness(values: Any) -> float:
    return float(np.abs(np.diff(values, axis=0)).mean())


PHOTO = png(255, 64)
MEASURES: dict[str, Callable[[Any], float]] = {  # what a change lowers
    "blur": sharpness,
    "dark": lambda values: values.mean(),
    "contrast": lambda values: values.mean(axis=2).std(),
    "noise": lambda values: -np.abs(values - pixels(PHOTO)).mean(),
    "grey": lambda values: values.std(axis=2).mean(),
    "jpeg": lambda values: -np.abs(values - pixels(PHOTO)).mean(),
    "rotate": lambda values: -np.abs(values - pixels(PHOTO)).mean(),
}


def test_each_kind_has_a_function_and_a_measure() -> None:
    assert set(CHANGES) == set(SHIFTS) == set(MEASURES)


@pytest.mark.parametrize("kind", SHIFTS)
def test_a_change_is_stronger_with_more_strength(kind: str) -> None:
    measure = MEASURES[kind]
    weak, strong = 0.05, 0.45
    assert measure(pixels(PHOTO)) > measure(shifted(kind, weak))
    assert measure(shifted(kind, weak)) > measure(shifted(kind, strong)) or kind == "rotate"


def test_the_full_strengths_are_what_the_documentation_says() -> None:
    assert shifted("dark", 1).max() == 0
    assert shifted("grey", 1).std(axis=2).max() == 0
    assert shifted("contrast", 1).std() == 0
    assert 40 < np.abs(shifted("noise", 1) - pixels(PHOTO)).mean() < 64
    assert np.array_equal(shifted("rotate", 1), pixels(PHOTO)[::-1, ::-1])  # by 180 degrees


def test_the_same_seed_gives_the_same_photo() -> None:
    assert np.array_equal(shifted("noise", 0.5, seed=3), shifted("noise", 0.5, seed=3))
    assert not np.array_equal(shifted("noise", 0.5, seed=3), shifted("noise", 0.5, seed=4))


def test_changes_follow_each_other_and_leave_size_and_format() -> None:
    body = changed(PHOTO, [Shift("grey", 1.0), Shift("dark", 0.5)], np.random.default_rng(0))
    found = pixels(body)
    assert body.startswith(b"\x89PNG") and found.shape == (64, 64, 3)
    assert found.std(axis=2).max() == 0 and found.mean() < 70
