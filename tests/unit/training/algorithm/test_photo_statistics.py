"""The four numbers of a photo, on pictures whose numbers are known."""

import io
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from tests.unit.training.algorithm.jobs import stripes
from training.algorithm.photo_statistics import STATISTICS, measure, measure_photo


def numbers(picture: NDArray[np.uint8]) -> dict[str, float]:
    return dict(zip(STATISTICS, measure(picture[np.newaxis])[0].tolist(), strict=True))


def plain(*color: int) -> NDArray[np.uint8]:
    return np.full((8, 8, len(color)), color, np.uint8)


@pytest.mark.parametrize(
    ("color", "brightness", "saturation"),
    [((0, 0, 0), 0, 0), ((255, 255, 255), 1, 0), ((255, 0, 0), 0.299, 1), ((0, 128, 64), 0.3233, 1), ((51,), 0.2, 0)],
)
def test_a_picture_of_one_colour(color: tuple[int, ...], brightness: float, saturation: float) -> None:
    found = numbers(plain(*color))
    assert found["brightness"] == pytest.approx(brightness, abs=1e-4)
    assert found["saturation"] == pytest.approx(saturation)
    assert found["contrast"] == 0
    assert found["sharpness"] == pytest.approx(math.log(1e-8), abs=1e-4)


def test_contrast_and_sharpness_of_a_checkerboard() -> None:
    board = (np.indices((8, 8)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., np.newaxis]
    found = numbers(board)
    assert (found["brightness"], found["contrast"]) == (0.5, 0.5)
    assert found["sharpness"] == pytest.approx(math.log(16), abs=1e-4)  # the Laplacian is 4 or -4 everywhere


def test_blur_lowers_the_sharpness_and_leaves_the_brightness() -> None:
    picture = Image.fromarray(stripes(0, 1)[0])
    sharp, blurred = (numbers(np.asarray(one)) for one in (picture, picture.filter(ImageFilter.GaussianBlur(1.2))))
    assert blurred["sharpness"] < sharp["sharpness"] - 1
    assert blurred["brightness"] == pytest.approx(sharp["brightness"], abs=0.02)


def test_photos_together_are_measured_as_each_alone() -> None:
    pictures = np.concatenate([stripes(label, 2) for label in range(3)])
    assert measure(pictures).tolist() == [measure(one[np.newaxis])[0].tolist() for one in pictures]


def test_a_file_is_measured_as_the_network_sees_it() -> None:
    large = Image.fromarray(stripes(1, 1)[0]).resize((64, 64), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    large.save(buffer, format="PNG")
    found = measure_photo(buffer.getvalue(), (16, 16, 3))
    small = np.asarray(large.resize((16, 16), Image.Resampling.BILINEAR))
    assert found == tuple(measure(small[np.newaxis])[0].tolist())


@pytest.mark.parametrize("data", [b"", b"no photo", b"\x89PNG cut off"])
def test_what_is_no_photo_has_no_numbers(data: bytes) -> None:
    assert [math.isnan(value) for value in measure_photo(data, (16, 16, 3))] == [True] * 4
