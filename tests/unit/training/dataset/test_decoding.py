"""Decoding: an endpoint's pixels, once for each content, and one sentence for each photo that cannot be used."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from tests.unit.training.dataset.scenes import scene
from training.algorithm import images
from training.dataset.decoding import Refusal, Store, decode_photos
from training.dataset.lookalikes import Look

SHAPE = (64, 64, 3)
# 80x64 pixels, white above red, written by pillow-heif: pi-heif cannot write HEIC.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAZdtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAAAA"
    "AERAAAIAAQAAAAABuwABAAAAAAAAAFkAAgAAAAACFAABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZl"
    "AgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAA1mlwcnAAAAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH/"
    "/wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoCiBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNj"
    "b2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABQAAAAQAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAABppcmVmAAAA"
    "AAAAAA5jZHNjAAIAAQABAAAAhW1kYXQAAABVKAGvE4B5c+ixwe//zRdKBb///2g/T/7rWeH4O06FFXK3gk6rPgLNEaAMKx9/cpGRCMXi4XpcEhCI"
    "9SPphZ+YqiyEUJBvhIy3tZmnECosqzR0Rjt5JAAAAAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEAAwAAAAAAAA=="
)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: the camera was on its side
    return encode(scene(1), "JPEG", exif=exif)


def transparent() -> bytes:
    image = scene(1).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return encode(image, "PNG")


PHOTOS = {
    "jpeg": encode(scene(1), "JPEG"),
    "large jpeg": encode(scene(1, 1600, 1200), "JPEG"),
    "progressive jpeg": encode(scene(1), "JPEG", progressive=True),
    "turned jpeg": turned(),
    "cmyk jpeg": encode(scene(1).convert("CMYK"), "JPEG"),
    "stereo jpeg": encode(scene(1), "MPO", save_all=True, append_images=[scene(2)]),
    "png": encode(scene(1), "PNG"),
    "grey png": encode(scene(1).convert("L"), "PNG"),
    "palette png": encode(scene(1).convert("P"), "PNG"),
    "black and white png": encode(scene(1).convert("1"), "PNG"),
    "transparent png": transparent(),
    "16 bit png": encode(Image.fromarray(np.asarray(scene(1).convert("L")).astype(np.uint16) * 257), "PNG"),
    "webp": encode(scene(1), "WEBP"),
    "gif": encode(scene(1), "GIF"),
    "bmp": encode(scene(1), "BMP"),
    "exact size": encode(scene(1, 64, 64), "PNG"),
    "half the size": encode(scene(1, 32, 32), "PNG"),
}


def decode(tmp_path: Path, **contents: bytes) -> tuple[Store, dict[str, Look | Refusal]]:
    """Decode photos whose names are their digests."""
    store = Store(tmp_path / "decoded", 64)
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return store, decode_photos({name: tmp_path / name for name in contents}, store, Console(file=io.StringIO()))


@pytest.mark.parametrize("name", PHOTOS)
def test_a_staged_photo_has_the_pixels_that_an_endpoint_sees_in_the_photo_itself(tmp_path: Path, name: str) -> None:
    store, decoded = decode(tmp_path, photo=PHOTOS[name])
    assert isinstance(decoded["photo"], Look)
    staged = store.path("photo").read_bytes()
    np.testing.assert_array_equal(images.decode(staged, SHAPE), images.decode(PHOTOS[name], SHAPE))
    with Image.open(store.path("photo")) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (64, 64))


def test_heic_is_read(tmp_path: Path) -> None:
    store, decoded = decode(tmp_path, photo=HEIC)
    assert isinstance(decoded["photo"], Look)
    pixels = store.read("photo")
    assert pixels is not None
    assert pixels[:24].mean() > 250
    assert np.abs(pixels[-24:].mean(axis=(0, 1)) - (200, 30, 30)).max() < 8


def truncated(name: str) -> bytes:
    return PHOTOS[name][: len(PHOTOS[name]) // 2]


@pytest.mark.parametrize(
    ("content", "reason", "sentence"),
    [
        (b"", "not a photo", "must be an image (PNG, JPEG, GIF, BMP, WEBP, HEIF) but are none of these"),
        (b"[Desktop Entry]", "not a photo", "none of these"),
        (encode(scene(1), "TIFF"), "not a photo", "none of these"),
        (truncated("png"), "broken", "cut off or damaged"),
        (truncated("jpeg"), "broken", "cut off or damaged"),
        (HEIC[:500], "broken", "cut off or damaged"),
        (PHOTOS["jpeg"][:30], "broken", "cut off or damaged"),
        (encode(scene(1, 31, 400), "PNG"), "too small", "The image is 31x400; at least 32 pixels each way are needed."),
        (encode(Image.new("1", (5000, 5000)), "PNG"), "too large", "at most 16,777,216 pixels of a PNG are read"),
        (encode(Image.new("1", (10_000, 10_000)), "PNG"), "too large", "10000x10000; at most 16,777,216 pixels"),
    ],
    ids=["empty", "text", "tiff", "half png", "half jpeg", "half heic", "jpeg head", "narrow", "large", "bomb"],
)
def test_a_photo_that_cannot_be_used_has_a_reason_and_a_sentence(
    tmp_path: Path, content: bytes, reason: str, sentence: str
) -> None:
    store, decoded = decode(tmp_path, bad=content, good=PHOTOS["jpeg"])
    refusal = decoded["bad"]
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert sentence in refusal.detail and "\n" not in refusal.detail
    assert isinstance(decoded["good"], Look)
    assert store.read("bad") is None


def test_a_file_that_vanishes_is_left_out(tmp_path: Path) -> None:
    store = Store(tmp_path / "decoded", 64)
    decoded = decode_photos({"gone": tmp_path / "gone.jpg"}, store, Console(file=io.StringIO()))
    assert decoded["gone"] == ("unreadable", "The file cannot be read: No such file or directory.")


def test_too_little_memory_for_one_photo_leaves_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(images, "_pixels", refuse)
    _, decoded = decode(tmp_path, photo=PHOTOS["jpeg"])
    assert decoded["photo"] == ("too large", "There is not enough memory to decode it.")


def test_a_decoded_photo_is_not_decoded_again(tmp_path: Path) -> None:
    store, first = decode(tmp_path, photo=PHOTOS["jpeg"])
    written = store.path("photo").stat().st_mtime_ns
    (tmp_path / "photo").unlink()
    second = decode_photos({"photo": tmp_path / "photo"}, store, Console(file=io.StringIO()))
    assert store.path("photo").stat().st_mtime_ns == written
    assert isinstance(first["photo"], Look) and isinstance(second["photo"], Look)
    np.testing.assert_array_equal(second["photo"].areas, first["photo"].areas)


@pytest.mark.parametrize("kept", [0, 60, -60])
def test_what_a_crash_left_of_a_decoded_photo_is_decoded_again(tmp_path: Path, kept: int) -> None:
    store, _ = decode(tmp_path, photo=PHOTOS["jpeg"])
    whole = store.path("photo").read_bytes()
    store.path("photo").write_bytes(whole[:kept])
    decode(tmp_path, photo=PHOTOS["jpeg"])
    assert store.path("photo").read_bytes() == whole


def test_only_what_is_asked_for_stays_in_the_store(tmp_path: Path) -> None:
    store, _ = decode(tmp_path, one=PHOTOS["jpeg"], two=PHOTOS["webp"])
    (store.folder / ".one.7.part").write_bytes(b"left by a crash")
    other_size = Store(store.directory, 32)
    decode_photos({"one": tmp_path / "one"}, other_size, Console(file=io.StringIO()))
    store.keep_only({"two"})
    assert [path.relative_to(store.directory).as_posix() for path in store.directory.rglob("*.*")] == ["1-64/two.png"]
    assert not other_size.folder.exists()


def test_an_interruption_keeps_what_was_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode(tmp_path, one=PHOTOS["jpeg"])

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(images, "_pixels", interrupt)
        with pytest.raises(KeyboardInterrupt):
            decode(tmp_path, two=PHOTOS["webp"])
    store, decoded = decode(tmp_path, one=PHOTOS["jpeg"], two=PHOTOS["webp"])
    assert all(isinstance(outcome, Look) for outcome in decoded.values())
    assert not list(store.folder.glob("*.part"))
