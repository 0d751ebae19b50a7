"""Looks: copies are recognised, photos that differ are not taken for copies."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from tests.unit.training.dataset.scenes import scene
from training.dataset.lookalikes import MOST_BITS, Looks, look_of

SIDE = 64


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def again(image: Image.Image, kind: str, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return Image.open(buffer)


def known(*images: Image.Image) -> Looks:
    looks = Looks(len(images))
    for image in images:
        looks.add(look_of(pixels(image)))
    return looks


@pytest.mark.parametrize(
    "copy",
    [
        lambda image: image,
        lambda image: again(image, "JPEG", 40),
        lambda image: again(image, "WEBP", 40),
        lambda image: image.resize((45, 35), Image.Resampling.LANCZOS),
        lambda image: image.resize((300, 180), Image.Resampling.BICUBIC),
        lambda image: ImageEnhance.Brightness(image).enhance(1.1),
        lambda image: ImageEnhance.Contrast(image).enhance(0.9),
    ],
    ids=["same", "jpeg", "webp", "half", "larger", "brighter", "less contrast"],
)
def test_copies_are_recognised(copy: Callable[[Image.Image], Image.Image]) -> None:
    looks = known(*(scene(number) for number in range(20)))
    assert [looks.find(look_of(pixels(copy(scene(number))))) for number in range(20)] == list(range(20))


def test_other_photos_are_not_taken_for_copies() -> None:
    looks = known(*(scene(number) for number in range(50)))
    assert {looks.find(look_of(pixels(scene(number)))) for number in range(50, 150)} == {None}


def thing(shape: str, left: int, colour: str) -> Image.Image:
    """Return a small thing on a white background, most of which is the same in all photos."""
    image = Image.new("RGB", (300, 300), "white")
    pen = ImageDraw.Draw(image)
    (pen.ellipse if shape == "disc" else pen.rectangle)((left, 120, left + 50, 170), colour)
    return image


@pytest.mark.parametrize(
    "other", [thing("square", 160, "black"), thing("disc", 120, "red"), thing("square", 120, "blue")]
)
def test_things_on_a_plain_background_are_told_apart_by_place_and_colour(other: Image.Image) -> None:
    assert known(thing("square", 120, "black")).find(look_of(pixels(other))) is None


@pytest.mark.parametrize("other", [thing("square", 128, "black"), thing("square", 120, "dimgray")])
def test_photos_whose_hashes_are_close_are_compared_area_by_area(other: Image.Image) -> None:
    first, second = look_of(pixels(thing("square", 120, "black"))), look_of(pixels(other))
    assert np.bitwise_count(first.bits ^ second.bits).sum() <= MOST_BITS
    assert known(thing("square", 120, "black")).find(second) is None


def test_the_same_drawing_in_another_colour_is_another_photo() -> None:
    red, green, blue = scene(1).split()
    assert known(scene(1)).find(look_of(pixels(Image.merge("RGB", (green, blue, red))))) is None


def test_plain_photos_are_compared_without_an_error() -> None:
    looks = known(Image.new("RGB", (50, 50), "white"))
    assert looks.find(look_of(pixels(scene(1)))) is None
    assert looks.find(look_of(pixels(Image.new("RGB", (50, 50), "white")))) == 0


def test_nothing_looks_like_anything_at_first() -> None:
    assert Looks(0).find(look_of(pixels(scene(1)))) is None
