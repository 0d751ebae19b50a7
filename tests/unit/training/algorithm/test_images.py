import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from training.algorithm import images
from training.algorithm.errors import DamagedImageError, InputError, NoImageError, SmallImageError
from training.algorithm.images import decode, network_shape
from training.algorithm.memory import Memory

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


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_is_turned_as_pillow_turns_it(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)).resize((120, 80))
    data = encode(photo, "PNG", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(BytesIO(data)))
    expected = np.asarray(upright.resize((16, 24), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(decode(data, (24, 16, 3)).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "WEBP"])
def test_decompression_bombs_are_refused_before_they_are_decoded(kind: str) -> None:
    bomb = encode(Image.new("L", (16_383, 1025)), kind)
    with pytest.raises(
        InputError, match=f"16383x1025; at most 16,777,216 pixels of a {kind} are read: make it smaller"
    ):
        decode(bomb, SHAPE)


@pytest.mark.parametrize("side", [10_000, 16_383])
def test_bombs_that_pillow_refuses_are_refused_by_us(side: int) -> None:
    with pytest.raises(InputError, match=r"far too large: at most 67,108,864 pixels"):
        decode(encode(Image.new("1", (side, side))), SHAPE)


def test_the_camera_s_50_megapixels_are_read() -> None:
    assert mean_colour(decode(encode(Image.new("RGB", (8192, 6144), RED), "JPEG"), SHAPE)) == pytest.approx(RED, abs=4)


@pytest.mark.parametrize("options", [{"progressive": True}, {"streamtype": 0}])
def test_a_jpeg_that_cannot_be_decoded_small_has_the_lower_limit(options: dict[str, object]) -> None:
    """Its details, or its colours, come in several scans."""
    photo = encode(Image.new("RGB", (640, 480), RED), "JPEG", **options)
    if "progressive" not in options:
        photo = with_one_colour_per_scan(photo)
    sent = photo.replace(struct.pack(">BHH", 8, 480, 640), struct.pack(">BHH", 8, 4100, 4100))
    with pytest.raises(InputError, match=r"4100x4100; at most 16,777,216 pixels of a (progressive )?JPEG"):
        decode(sent, SHAPE)


def test_a_jpeg_of_many_scans_is_refused() -> None:
    """Each is read over all pixels: a file of 6 MB can hold 100,000, which takes minutes."""
    photo = encode(Image.new("L", (64, 64)), "JPEG", progressive=True)
    last = photo.rindex(b"\xff\xda")
    decode(photo, SHAPE)
    with pytest.raises(InputError, match=r"The JPEG has 20\d scans; at most 100 are read"):
        decode(photo[:last] + photo[last:-2] * 200 + b"\xff\xd9", SHAPE)


def with_one_colour_per_scan(jpeg: bytes) -> bytes:
    """Change the first scan's header to one colour; what follows is never decoded."""
    scan = jpeg.index(b"\xff\xda\x00\x0c\x03")
    return jpeg[:scan] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + jpeg[scan + 14 :]


def test_an_image_of_exactly_the_greatest_size_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS_WHOLE", 20 * 30)
    decode(encode(Image.new("L", (20, 30))), SHAPE)
    with pytest.raises(InputError, match="20x31; at most 600 pixels of a PNG"):
        decode(encode(Image.new("L", (20, 31))), SHAPE)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_read(kind: str) -> None:
    others = [Image.new("RGB", (20, 20), colour) for colour in ("blue", "green")]
    animation = encode(Image.new("RGB", (20, 20), RED), kind, save_all=True, append_images=others)
    assert mean_colour(decode(animation, SHAPE)) == pytest.approx(RED, abs=8)


def test_whatever_pillow_raises_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damaged metadata raised struct.error and KeyError, for two."""

    def explode(_: object) -> None:
        raise KeyError("tag")

    monkeypatch.setattr(Image.Image, "getexif", explode)
    with pytest.raises(InputError, match="cut off or damaged"):
        decode(encode(Image.new("L", (20, 20))), SHAPE)


def test_images_that_are_large_together_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three images fit into this memory: of eight threads, three decode at once."""
    under_way: list[int] = []
    most: list[int] = []
    three = threading.Barrier(3)

    def decode_slowly(*_: object) -> NDArray[np.uint8]:
        under_way.append(1)
        most.append(len(under_way))
        with suppress(threading.BrokenBarrierError):
            three.wait(timeout=5)
        under_way.pop()
        return np.zeros(SHAPE, np.uint8)

    image = encode(Image.new("L", (100, 100)))
    monkeypatch.setattr(images, "DECODING", Memory(3 * 100 * 100 * 12))
    monkeypatch.setattr(images, "_pixels", decode_slowly)
    with ThreadPoolExecutor(9) as pool:
        list(pool.map(lambda _: decode(image, SHAPE), range(9)))
    assert max(most) == 3


@pytest.mark.parametrize(
    ("image_shape", "expected"),
    [
        ((3, 32, 32), (32, 32, 3)),
        ((1, 16, 64), (16, 64, 1)),
        ((3, 224, 224), (224, 224, 3)),
    ],
)
def test_the_network_sees_images_in_their_own_size(
    image_shape: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    assert network_shape(image_shape) == expected


@pytest.mark.parametrize("content", [encode(Image.new("L", (20, 20)))[:20], b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBP"])
def test_the_first_bytes_of_an_image_are_a_damaged_image(content: bytes) -> None:
    with pytest.raises(DamagedImageError, match="cut off or damaged"):
        decode(content, SHAPE)


@pytest.mark.parametrize("content", [b"RIFF\0\0\0\0WAVE", b"\0\0\0\x1cftypheic", b"<svg/>"])
def test_other_formats_are_no_images(content: bytes) -> None:
    """An endpoint does not read HEIC."""
    with pytest.raises(NoImageError, match="but are none of these"):
        decode(content, SHAPE)


def test_an_image_below_the_least_side_is_refused_before_it_is_decoded() -> None:
    decode(encode(Image.new("L", (20, 30))), SHAPE, least_side=20)
    with pytest.raises(SmallImageError, match=r"The image is 30x19; at least 20 pixels each way are needed\."):
        decode(encode(Image.new("L", (30, 19)))[:60], SHAPE, least_side=20)
