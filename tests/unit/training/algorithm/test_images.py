from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from training.algorithm import images
from training.algorithm.errors import InputError
from training.algorithm.images import decode, network_shape

RED, SHAPE = (200, 30, 30), (16, 16, 3)


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def mean_colour(pixels: NDArray[np.uint8]) -> list[float]:
    return [float(mean) for mean in pixels.reshape(-1, pixels.shape[-1]).mean(axis=0)]


def test_pixels_of_an_image_of_the_right_size_are_kept() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
    assert np.array_equal(decode(encode(Image.fromarray(pixels)), SHAPE), pixels)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "HSV", "YCbCr"])
def test_colour_modes_become_rgb(mode: str) -> None:
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "PNG")
    image = Image.new("RGB", (40, 20), RED).convert(mode)
    pixels = decode(encode(image if mode != "HSV" else image.convert("RGB"), kind), SHAPE)
    assert pixels.shape == SHAPE
    assert mean_colour(pixels) == pytest.approx(RED, abs=6)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16"])
def test_grey_modes_become_rgb(mode: str) -> None:
    values: dict[str, int | tuple[int, int]] = {"1": 1, "LA": (200, 255), "I;16": 200 * 256}
    expected = 255 if mode == "1" else 200
    pixels = decode(encode(Image.new(mode, (9, 30), values.get(mode, 200))), SHAPE)
    assert mean_colour(pixels) == pytest.approx([expected] * 3, abs=2)


def test_colour_becomes_grey_when_the_shape_has_one_channel() -> None:
    pixels = decode(encode(Image.new("RGB", (16, 16), (90, 90, 90))), (16, 24, 1))
    assert pixels.shape == (16, 24, 1)
    assert mean_colour(pixels) == [90]


def test_transparency_shows_white() -> None:
    image = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    assert mean_colour(decode(encode(image), SHAPE)) == [255, 255, 255]
    palette = Image.new("P", (16, 16), 0)
    assert mean_colour(decode(encode(palette, transparency=b"\x00"), SHAPE)) == [255, 255, 255]


def test_photos_are_turned_upright() -> None:
    image = Image.new("RGB", (32, 32))
    image.paste((255, 255, 255), (0, 0, 32, 16))  # white above, in the camera's rows
    exif = Image.Exif()
    exif[0x0112] = 3  # orientation: turned by 180 degrees
    pixels = decode(encode(image, "JPEG", exif=exif), SHAPE)
    assert pixels[:6].mean() < 10 and pixels[-6:].mean() > 245


def test_a_large_photo_keeps_its_content() -> None:
    image = Image.new("RGB", (1600, 1200), RED)
    assert mean_colour(decode(encode(image, "JPEG"), SHAPE)) == pytest.approx(RED, abs=4)


def truncated() -> bytes:
    data = encode(Image.effect_noise((64, 64), 50))
    return data[: len(data) // 2]


@pytest.mark.parametrize("data", [b"", b"not an image", b"GIF89a", encode(Image.new("L", (9, 9)), "TIFF")])
def test_bytes_that_are_no_image_are_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="must be an image"):
        decode(data, SHAPE)


def test_truncated_files_are_refused() -> None:
    with pytest.raises(InputError, match="cut off or damaged"):
        decode(truncated(), SHAPE)


def test_decompression_bombs_are_refused_before_they_are_decoded() -> None:
    bomb = encode(Image.new("1", (10_000, 10_000)))
    assert len(bomb) < 20_000
    with pytest.raises(InputError, match="10000x10000; at most 50,000,000 pixels"):
        decode(bomb, SHAPE)


def test_an_image_of_exactly_the_greatest_size_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 20 * 30)
    decode(encode(Image.new("L", (20, 30))), SHAPE)
    with pytest.raises(InputError, match="20x31; at most 600 pixels"):
        decode(encode(Image.new("L", (20, 31))), SHAPE)


@pytest.mark.parametrize(
    ("image_shape", "expected"),
    [
        ((3, 32, 32), (32, 32, 3)),
        ((1, 16, 64), (16, 64, 1)),
        ((3, 224, 224), (64, 64, 3)),
        ((3, 100, 200), (32, 64, 3)),
        ((3, 16, 640), (16, 64, 3)),
    ],
)
def test_the_network_sees_at_most_64_pixels(image_shape: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    assert network_shape(image_shape) == expected
