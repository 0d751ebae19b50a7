"""Archives that are damaged, claim too much, or try to run code."""

import bz2
import gzip
import io
import pickle
import random
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

ZEROS = gzip.compress(bytes(16 << 20), 9, mtime=0)  # 16 MB in 16 kB; gz files can be concatenated
ROWS = np.zeros((2, 3072), np.uint8)
PHOTOS: dict[str, Any] = {"data": ROWS, "fine_labels": [0, 1], "filenames": ["a.png", "b.png"]}
META: dict[str, Any] = {"fine_label_names": ["bicycle", "motorcycle"]}
EMPTY = pickle.dumps({}, protocol=2)
ENCODE, ARRAY, DTYPE = b"c_codecs\nencode\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\ndtype\n"


def header(name: str = "c/train", size: int = 0, kind: bytes = tarfile.REGTYPE, **fields: bytes) -> bytes:
    """Return a tar header; a negative size, or one of 8 GB, is written as GNU tar writes large ones."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    plain = 0 <= size < 8**11
    block[124:136] = b"%011o\0" % size if plain else size.to_bytes(12, "big", signed=True)
    block[124] |= 0 if plain else 0x80
    for place, content in fields.items():  # at_<offset>
        start = int(place.removeprefix("at_"))
        block[start : start + len(content)] = content
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:512]) + 8 * 32)
    return bytes(block)


def tar(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(f"c/{name}")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def archive(**changes: object) -> bytes:
    """Return a whole archive; `changes` replace members, given as bytes or as what to pickle."""
    members: Mapping[str, object] = {"train": PHOTOS, "test": PHOTOS, "meta": META} | changes
    pickled = {
        name: content if isinstance(content, bytes) else pickle.dumps(content, protocol=2)
        for name, content in members.items()
    }
    return gzip.compress(tar(**pickled), 1, mtime=0)


def pax(**records: str) -> bytes:
    """Return a pax header with records, and the header of a member."""
    lines = b"".join(_record(name.replace("__", "."), value) for name, value in records.items())
    return header(size=len(lines), kind=tarfile.XHDTYPE) + lines.ljust(-len(lines) % 512 + len(lines), b"\0") + header()


def _record(name: str, value: str) -> bytes:
    text = f" {name}={value}\n"
    length = len(text) + len(str(len(text)))
    return f"{length + (len(str(length)) > len(str(len(text))))}{text}".encode()


def text(content: str) -> bytes:
    encoded = content.encode()
    return b"X" + len(encoded).to_bytes(4, "little") + encoded


def colliding(number: int) -> bytes:
    """Return a key and a value; all such keys have the same hash."""
    return b"\x8a\x0a" + (number * (2**61 - 1)).to_bytes(10, "little") + b"N"


def array(state: bytes) -> bytes:
    """Return a member whose data has a state, given as operations."""
    rows = ARRAY + b"cnumpy\nndarray\nK\x00\x85" + text("b") + b"\x87R" + state + b"b"
    return b"\x80\x02}(" + text("data") + rows + text("fine_labels") + b"]" + text("filenames") + b"]u."


def damaged() -> Iterator[tuple[str, bytes]]:
    """Yield files that are no archive, or were one."""
    good = archive()
    yield "an empty file", b""
    yield "a web page", b"<html>Not found</html>"
    yield "a gz file of nothing", gzip.compress(b"")
    yield "a gz file of text", gzip.compress(b"photos\n" * 500)
    yield "a gz file of a gz file", gzip.compress(good)
    yield "a bz2 file", bz2.compress(gzip.decompress(good))
    yield "a zip file's beginning", b"PK\x03\x04" + bytes(500)
    yield "half an archive", good[: len(good) // 2]
    yield "an archive without train", gzip.compress(tar(test=pickle.dumps(PHOTOS, 2), meta=pickle.dumps(META, 2)))
    yield "an archive in an archive", archive(train=good)


def tar_files() -> Iterator[tuple[str, bytes]]:
    """Yield archives whose tar file claims too much."""
    for name in ("/etc/train", "../train", "c/../../train", "c\\..\\..\\train"):
        yield f"a member named {name}", gzip.compress(header(name) + bytes(1024))
    for kind, what in {b"1": "hard link", b"2": "symbolic link", b"3": "device", b"6": "named pipe"}.items():
        yield f"a member that is a {what}", gzip.compress(header(kind=kind) + bytes(1024))
    for kind, what in {b"0": "file", b"5": "folder", b"L": "long name", b"x": "pax header"}.items():
        yield f"a {what} of 8 EB", gzip.compress(header(size=8 << 60, kind=kind) + bytes(1024))
        yield f"a {what} of -512 bytes", gzip.compress(header(size=-512, kind=kind) + bytes(1024))
    sparse = header(size=512, kind=b"S", at_386=b"%011o\0%011o\0" % (0, 512), at_483=b"%011o\0" % (8 << 30))
    yield "a member of 8 GB of holes", gzip.compress(sparse + bytes(2048))
    yield (
        "holes in a pax header",
        gzip.compress(
            pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__realsize="9" * 30) + bytes(2048)
        ),
    )
    yield "a size of 5,000 digits", gzip.compress(pax(size="9" * 5000) + bytes(1024))
    yield "a negative size in a pax header", gzip.compress(pax(size="-1024") + bytes(1024))
    yield "3,000 nested long names", gzip.compress((header(size=512, kind=b"L") + b"x".ljust(512, b"\0")) * 3000)
    yield "100,000 members", gzip.compress(header("c/x") * 100_000)
    yield "an unneeded member of 1 GB", gzip.compress(header("c/file", 1 << 30)) + ZEROS * 64
    yield "a train of 1 GB", gzip.compress(header("c/train", 1 << 30)) + ZEROS * 64
    yield "20 members of 16 MB", b"".join(gzip.compress(header(f"c/{n}", 16 << 20)) + ZEROS for n in range(20))
    yield "a pax header of 160 MB", gzip.compress(header(size=160 << 20, kind=b"x")) + ZEROS * 10
    train = header("c/train", len(EMPTY)) + EMPTY.ljust(512, b"\0")
    yield "two members train", gzip.compress(train * 2 + bytes(1024))


def pickles() -> Iterator[tuple[str, bytes]]:
    """Yield archives whose pickles run code or take memory or time."""
    same = text("a" * 1_000_000) + b"q\x00" + text("latin1") + b"q\x01"
    for what, operations in {
        "calls os.system": b"cos\nsystem\n" + text("true") + b"\x85R.",
        "calls eval": b"c__builtin__\neval\n" + text("1") + b"\x85R.",
        "calls numpy.fromfile": b"cnumpy\nfromfile\n" + text("/etc/passwd") + b"\x85R.",
        "uses memo index 2^31": b"}r\xff\xff\xff\x7f.",
        "makes 60,000,000 lists": b"]" * 60_000_000,
        "makes 5,000,000 sets": b"\x8f" * 5_000_000,
        "copies the top of the stack": b"N" + b"2" * 1000 + b".",
        "makes an array of 2^62 values": b"cnumpy\nndarray\n\x8a\x08" + b"\xff" * 7 + b"\x3f\x85R.",
        "converts 1 MB 2,000 times": same + (ENCODE + b"h\x00h\x01\x86R") * 2000 + b".",
        "encodes as hex": ENCODE + text("a") + text("hex") + b"\x86R.",
        "announces bytes of 4 EB": b"\x8e" + (2**62).to_bytes(8, "little"),
        "announces text of -1 bytes": b"T\xff\xff\xff\xff",
        "announces a frame of 1 TB": b"\x95" + (2**40).to_bytes(8, "little"),
        "has a number of 100,000 digits": b"I" + b"9" * 100_000 + b"\n.",
        "has 50,000 colliding keys": b"}(" + b"".join(colliding(number) for number in range(50_000)) + b"u.",
        "asks for a persistent object": b"Pname\n.",
        "asks for an extension": b"\x82\x01.",
        "has text that is not UTF-8": b"X\x02\x00\x00\x00\xff\xff.",
        "calls a name of 1 MB": b"c" + b"a" * 1_000_000 + b"\nb\n.",
        "sets a function's state": ENCODE + b"}b.",
        "is a list of 400,000 nested lists": b"]" * 400_000 + b"a" * 399_999 + b".",
        "has 40 MB of text with one emoji": text("a" * 40_000_000 + "\U0001f6b2") + b".",
    }.items():
        yield f"a pickle that {what}", archive(train=b"\x80\x04" + operations)


def contents() -> Iterator[tuple[str, bytes]]:
    """Yield archives of whole pickles that do not fit together."""
    changes: dict[str, dict[str, Any]] = {
        "a label out of range": {"fine_labels": [0, 2]},
        "a label that is True": {"fine_labels": [0, True]},
        "a label of 10 MB": {"fine_labels": [0, "x" * 10_000_000]},
        "a label of 2,000 digits": {"fine_labels": [0, 10**2000]},
        "labels that are a dictionary": {"fine_labels": {}},
        "more file names than photos": {"filenames": ["a", "b", "c"]},
        "file names that are numbers": {"filenames": [1, 2]},
        "photos of floats": {"data": ROWS.astype(float)},
        "photos of objects": {"data": ROWS.astype(object)},
        "photos that are text": {"data": "photos"},
    }
    for what, change in changes.items():
        yield what, archive(train=PHOTOS | change)
    dtype = DTYPE + text("u1") + b"\x85R"
    for what, state in {
        "an array of 2^40 rows": b"(K\x01\x8a\x06" + b"\0" * 5 + b"\x01M\x00\x0c\x86" + dtype + b"\x89U\x00t",
        "an array of -1 rows": b"(K\x01J\xff\xff\xff\xffM\x00\x0c\x86" + dtype + b"\x89U\x00t",
        "an array without bytes": b"(K\x01K\x00K\x00\x86" + dtype + b"\x89Nt",
        "an array of a type of 2^30 fields": b"(K\x01K\x00\x85" + DTYPE + text("(1073741824,)u1") + b"\x85R\x89U\x00t",
    }.items():
        yield what, archive(train=array(state))


def mutations(count: int) -> Iterator[bytes]:
    """Yield archives with random bytes changed, in the pickles (half of them) or anywhere in the tar file."""
    chance = random.Random(1)
    plain, pickled = bytearray(tar(train=pickle.dumps(PHOTOS, 2), meta=pickle.dumps(META, 2))), pickle.dumps(PHOTOS, 2)
    for number in range(count):
        if number % 2:
            content = bytearray(plain)
            for _ in range(chance.randint(1, 4)):
                content[chance.randrange(1024)] = chance.randrange(256)
            yield gzip.compress(bytes(content), 0)
        else:
            changed = bytearray(pickled)
            for _ in range(chance.randint(1, 4)):
                changed[chance.choice((chance.randrange(150), -chance.randrange(1, 80)))] = chance.randrange(256)
            yield archive(train=bytes(changed))
