"""Images that are damaged, claim too many pixels, or take much time or memory."""

import random
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

from PIL import Image

SIDE = 4096  # 16,777,216 pixels: the most that a format decoded whole may have


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(mode: str = "RGB", side: int = 64) -> Image.Image:
    return Image.effect_noise((side, side), 60).convert("RGB").convert(mode)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(*before_pixels: bytes, width: int = 8, height: int = 8) -> bytes:
    """Return a grey PNG with chunks before its pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(9 * 8))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(before_pixels) + pixels


def with_many_scans(jpeg: bytes, count: int) -> bytes:
    """Repeat the last scan of a progressive JPEG: each is read over all pixels."""
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * count + b"\xff\xd9"


def too_large() -> Iterator[tuple[str, bytes]]:
    """Yield images of more pixels than are read."""
    for kind in ("PNG", "GIF", "BMP", "WEBP"):
        yield f"a {kind} of 17 million pixels", encode(Image.new("L", (SIDE, SIDE + 1)), kind)
    yield "a PNG of 100 million pixels", encode(Image.new("1", (10_000, 10_000)), "PNG")
    yield "a PNG that claims 2^62 pixels", png(width=2**31 - 1, height=2**31 - 1)
    yield "a WEBP of 268 million pixels", encode(Image.new("L", (16_383, 16_383)), "WEBP")
    size = struct.pack(">BHH", 8, 64, 64)
    for options in ({}, {"progressive": True}):
        claimed = encode(photo(), "JPEG", **options).replace(size, struct.pack(">BHH", 8, 65_500, 65_500))
        yield f"a {'progressive ' * len(options)}JPEG that claims 4 billion pixels", claimed
    yield "a progressive JPEG of 17 million pixels", encode(Image.new("L", (SIDE, SIDE + 1)), "JPEG", progressive=True)
    slow = encode(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    yield "a JPEG of 5,000 scans", with_many_scans(slow, 5000)


def as_large_as_may_be() -> Iterator[tuple[str, bytes]]:
    """Yield images that are read, at most within the limit of memory."""
    yield "a transparent PNG of 16 million pixels", encode(Image.new("RGBA", (SIDE, SIDE)), "PNG")
    yield "a transparent palette PNG of 16 million pixels", encode(Image.new("P", (SIDE, SIDE)), "PNG", transparency=0)
    yield "a transparent WEBP of 16 million pixels", encode(Image.new("RGBA", (SIDE, SIDE)), "WEBP")
    yield "a JPEG of 50 million pixels", encode(Image.new("RGB", (8192, 6144)), "JPEG")
    yield (
        "a progressive CMYK JPEG of 16 million pixels",
        encode(Image.new("CMYK", (SIDE, SIDE)), "JPEG", progressive=True),
    )


def odd() -> Iterator[tuple[str, bytes]]:
    """Yield images that are read although they are unusual."""
    frames = {"save_all": True, "append_images": [photo("L"), photo("L")]}
    for kind in ("PNG", "GIF", "WEBP"):
        yield f"an animated {kind}", encode(photo("L"), kind, **frames)
    yield "a JPEG in CMYK", encode(photo("CMYK"), "JPEG")
    yield "a PNG of 16 bits", encode(Image.new("I;16", (64, 64), 40_000), "PNG")
    yield "a PNG of 1 bit", encode(photo("1"), "PNG")
    yield "a JPEG with a broken colour profile", encode(photo(), "JPEG", icc_profile=b"profile" * 99)
    yield "a PNG of one pixel", encode(Image.new("L", (1, 1)), "PNG")
    yield "a PNG of 1 x 1,000,000", encode(Image.new("L", (1, 1_000_000)), "PNG")
    yield "a JPEG of 65,000 x 1", encode(Image.new("L", (65_000, 1)), "JPEG")


def broken() -> Iterator[tuple[str, bytes]]:
    """Yield images that cannot be read."""
    yield "no bytes", b""
    yield "text", b"not an image"
    yield "a TIFF", encode(photo(), "TIFF")
    yield "an SVG", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP"):
        whole = encode(photo(), kind)
        yield f"half a {kind}", whole[: len(whole) // 2]
        yield f"the first 30 bytes of a {kind}", whole[:30]
    yield "a PNG without pixels", png()[:33]
    yield "a PNG of no width", png(width=0)
    yield "a PNG with 100 MB in a text", png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000))))
    yield "a PNG with 100 MB in a profile", png(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(100_000_000))))
    yield "a PNG with a chunk of 2 GB", png(struct.pack(">I", 2**31 - 1) + b"tEXt")


def mutations(count: int) -> Iterator[bytes]:
    """Yield images of each format with random bytes changed or cut out, mostly in their headers."""
    chance = random.Random(1)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera"
    seeds = [encode(photo(), kind, exif=exif) for kind in ("PNG", "JPEG", "WEBP")]
    seeds += [encode(photo("P"), "GIF"), encode(photo(), "BMP"), encode(photo("CMYK"), "JPEG", progressive=True)]
    for number in range(count):
        content = bytearray(seeds[number % len(seeds)])
        for _ in range(chance.randint(1, 5)):
            place = chance.randrange(chance.choice((60, 300, len(content))))
            content[place] = chance.choice((0, 255, chance.randrange(256)))
        start = chance.randrange(len(content))
        yield bytes(content[:start] + content[start + chance.choice((0, 0, 1, 40)) :])
