"""Reads the pickles of a photo archive: strings, numbers, lists, one dictionary and one array, and nothing else.

Pickles can run code, and a few bytes of them can take gigabytes: a memo index of 2^31, an array's shape, a conversion
that is called on the same string again and again. So this unpickler knows few operations and counts them; it calls
nothing of numpy's, but keeps an array's type, shape and bytes for `PickledArray.content` to look at.
"""

import pickle
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt

from training.errors import ArchiveError

MOST_OPERATIONS = 2_000_000  # of one pickle; the public archive's largest has about 300,000 for 50,000 photos
MOST_TEXT_BYTES = 1 << 20  # of one text with characters beyond Latin-1

# The operations that pickles of such data have, whichever Python wrote them; the others make sets, classes and copies.
_OPERATIONS = """
PROTO FRAME STOP MARK POP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG1
STRING BINSTRING SHORT_BINSTRING BINUNICODE SHORT_BINUNICODE BINBYTES SHORT_BINBYTES BINBYTES8
EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT SETITEM SETITEMS
PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE BUILD
""".split()


class _Dtype:
    """An array's type by its name; its state says the order of bytes, of which a photo's values have one."""

    def __init__(self, name: object, *_: object) -> None:
        self.name = name

    def __setstate__(self, _: object) -> None:
        pass


@dataclass
class PickledArray:
    """An array as a pickle describes it; no memory has been taken for its content yet."""

    dtype: object = None
    shape: object = None
    raw: object = b""  # str in a pickle of Python 2: a character for each byte

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _version, self.shape, dtype, self._by_columns, self.raw = state
        self.dtype = dtype.name if isinstance(dtype, _Dtype) else dtype

    def content(self, shape: tuple[int, int]) -> npt.NDArray[np.uint8] | None:
        """Return the values when they are of type uint8 and `shape`, None otherwise."""
        if self.dtype not in ("u1", "|u1") or self.shape != shape or not isinstance(self.raw, str | bytes):
            return None
        raw = self.raw.encode("latin1") if isinstance(self.raw, str) else self.raw
        if len(raw) != shape[0] * shape[1]:
            return None
        return np.frombuffer(raw, np.uint8).reshape(shape, order="F" if self._by_columns else "C")

    def __str__(self) -> str:
        return f"{_type_name(self.dtype)} {str(self.shape)[:50]}"


def _type_name(dtype: object) -> str:
    try:
        return str(np.dtype(dtype)) if isinstance(dtype, str) and len(dtype) < 5 else "an array"
    except TypeError:
        return "an array"


def _reconstruct(*_: object) -> PickledArray:
    """Replace numpy's function of this name: the shape that it gets is replaced by the array's state."""
    return PickledArray()


def _latin1(text: object, encoding: object) -> object:
    """Replace `_codecs.encode`, with which Python 3 pickles bytes in protocol 2; the text stays what it is."""
    if encoding != "latin1":
        raise ArchiveError(f"A pickle in the archive calls _codecs.encode with {str(encoding)[:20]!r}: refused.")
    return text


def _check_build(stack: Sequence[object]) -> None:
    if not isinstance(stack[-2], PickledArray | _Dtype):
        raise ArchiveError("A pickle in the archive sets the state of something other than an array: refused.")


def _check_keys(keys: Sequence[object]) -> None:
    """Refuse keys that could be chosen so that each is compared with all others, which takes hours."""
    if not all(isinstance(key, str) for key in keys):
        raise ArchiveError("A pickle in the archive has a dictionary whose keys are not strings: refused.")


_CHECKS: dict[int, Callable[[Sequence[object]], None]] = {  # of the stack, before the operation
    pickle.BUILD[0]: _check_build,
    pickle.SETITEM[0]: lambda stack: _check_keys(stack[-2:-1]),
    pickle.SETITEMS[0]: lambda stack: _check_keys(stack[::2]),
}


def _load_text(unpickler: Any) -> None:
    """Read UTF-8. Photos that Python 3 pickled are long texts, but in Latin-1; others take four bytes a character."""
    (size,) = struct.unpack("<I", unpickler.read(4))
    encoded = unpickler.read(size)
    if size > MOST_TEXT_BYTES and re.search(rb"[\xc4-\xff]", encoded):
        raise ArchiveError(f"A pickle in the archive has a text of {size:,} bytes beyond Latin-1: refused.")
    unpickler.append(encoded.decode("utf-8", "surrogatepass"))


def _load_binstring(unpickler: Any) -> None:
    """Read a string of Python 2; the bytes of photos stay what they are."""
    (size,) = struct.unpack("<i", unpickler.read(4))
    if size < 0:
        raise ArchiveError("A pickle in the archive has a string of fewer than no bytes: refused.")
    content = unpickler.read(size)
    unpickler.append(content if size > MOST_TEXT_BYTES else content.decode("latin1"))


_STANDARD: dict[int, Any] = {
    **pickle._Unpickler.dispatch,
    pickle.BINUNICODE[0]: _load_text,
    pickle.BINSTRING[0]: _load_binstring,
}


def _checked(code: int) -> Callable[[Any], None]:
    """Return an operation of the standard library's unpickler that is counted and checked."""
    operation, check = _STANDARD[code], _CHECKS.get(code)

    def run(unpickler: Any) -> None:
        unpickler.left -= 1
        if unpickler.left < 0:
            raise ArchiveError(f"A pickle in the archive has more than {MOST_OPERATIONS:,} operations: refused.")
        if check:
            check(unpickler.stack)
        operation(unpickler)

    return run


class _Operations(dict[int, Callable[[Any], None]]):
    """What the unpickler does for each operation's code."""

    def __missing__(self, code: int) -> Callable[[Any], None]:
        raise ArchiveError(
            f"A pickle in the archive has the operation {chr(code)!r}, which photos do not need: refused."
        )


class Unpickler(pickle._Unpickler):
    """Loads what a photo archive needs and refuses every other name and operation, by name.

    It is the standard library's unpickler in Python: the one in C allocates what a memo index asks for. The public
    archive takes 0.3 s more.
    """

    NAMES: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,  # numpy 1
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,  # numpy 2
        ("numpy", "ndarray"): "ndarray",  # only an argument of _reconstruct
        ("numpy", "dtype"): _Dtype,
        ("_codecs", "encode"): _latin1,
    }
    dispatch = _Operations({code: _checked(code) for code in (getattr(pickle, name)[0] for name in _OPERATIONS)})

    def __init__(self, file: IO[bytes]) -> None:
        self.left = MOST_OPERATIONS
        super().__init__(file, encoding="latin1")  # Python 2's str becomes str, and arrays come out whole

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.NAMES:
            called = f"{module}.{name}"[:80]
            raise ArchiveError(f"A pickle in the archive calls {called}, which photos do not need: refused.")
        return self.NAMES[module, name]
