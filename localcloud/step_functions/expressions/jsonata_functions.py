"""The functions that Step Functions adds to JSONata, and $eval, which it takes away.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided
What they answer to odd arguments was measured on AWS: https://github.com/floci-io/floci/issues/2737
"""

import hashlib
import json
import math
import random as python_random
import uuid as python_uuid
from collections.abc import Callable
from typing import Any

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

MOST_RANGE_ITEMS = 360_145  # one more exceeds AWS's memory limit
_DIGESTS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
UNDEFINED = None  # the library's; its null is another value


class OutOfMemoryError(Exception):
    """When a value would exceed AWS's memory limit of an expression."""


def partition(values: Any = UNDEFINED, size: Any = UNDEFINED) -> Any:
    """Return the array in chunks of this size, the last one shorter."""
    if values is UNDEFINED:
        return UNDEFINED
    items = values if isinstance(values, list) else [values]
    if values is Utils.NULL_VALUE:
        raise JException("T0412", -1, 1, "partition", "a")
    chunk = len(items) if size is UNDEFINED else _whole(size, "partition", 2)
    if chunk < 0:
        raise JException("D3137", -1, "Second argument must be zero or greater")
    if not chunk or not items:
        return UNDEFINED
    return [items[start : start + chunk] for start in range(0, len(items), chunk)]


def range_(first: Any = UNDEFINED, last: Any = UNDEFINED, step: Any = UNDEFINED) -> Any:
    """Return the integers from the first up to and including the last."""
    start, end = _whole(first, "range", 1), _whole(last, "range", 2)
    increment = 0 if step is UNDEFINED else _whole(step, "range", 3)
    if not increment:
        return UNDEFINED
    numbers = range(start, end + (1 if increment > 0 else -1), increment)
    if (end - start) // increment + 1 > MOST_RANGE_ITEMS:  # len() of so large a range would overflow
        raise OutOfMemoryError
    return Utils.create_sequence_from_iter(numbers)


def hash_(text: Any = UNDEFINED, algorithm: Any = UNDEFINED) -> Any:
    """Return the digest of the text's UTF-8 in lower-case hexadecimal."""
    for number, value in enumerate((text, algorithm), 1):
        if value is not UNDEFINED and not isinstance(value, str):
            raise JException("T0410", -1, number, "hash")
    if text is UNDEFINED or algorithm is UNDEFINED:
        return UNDEFINED
    if algorithm not in _DIGESTS:
        raise JException("D3137", -1, f"Unsupported hash algorithm: {algorithm}")
    return hashlib.new(_DIGESTS[algorithm], text.encode()).hexdigest()


def random(seed: Any = UNDEFINED) -> float:
    """Return a number in [0, 1); the one that java.util.Random draws first for the seed."""
    if seed is UNDEFINED:
        return python_random.random()
    state = (_whole(seed, "random", 1) ^ 0x5DEECE66D) & ((1 << 48) - 1)
    draws = []
    for bits in (26, 27):
        state = (state * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        draws.append(state >> (48 - bits))
    return float(((draws[0] << 27) + draws[1]) / (1 << 53))


def uuid() -> str:
    """Return a random UUID, version 4."""
    return str(python_uuid.uuid4())


def parse(text: Any = UNDEFINED) -> Any:
    """Return the value that the text is the JSON of. A field given twice and a number too large are refused."""
    if text is UNDEFINED:
        return UNDEFINED
    if not isinstance(text, str):
        raise JException("T0410", -1, 1, "parse")
    try:
        value = json.loads(text, object_pairs_hook=_distinct, parse_constant=_refuse, parse_float=_finite)
    except ValueError as err:
        raise JException("D3137", -1, f"Invalid JSON: {err}") from err
    return Utils.NULL_VALUE if value is None else value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(names := dict(pairs)) < len(pairs):
        raise ValueError("Duplicate field")
    return names


def _refuse(constant: str) -> Any:
    raise ValueError(f"Unexpected {constant}")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"Number out of range: {text}")
    return number


def _whole(value: Any, function: str, position: int) -> int:
    """Return a number rounded towards zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise JException("T0410", -1, position, function)
    return math.trunc(value)


class _Function(Jsonata.JLambda):  # type: ignore[misc]  # the library has no type information
    """A function of ours that refuses arguments too many as the built-in ones do."""

    def __init__(self, name: str, function: Callable[..., Any], most_arguments: int) -> None:
        super().__init__(function)
        self.name = name
        self.most_arguments = most_arguments

    def call(self, input: Any, args: Any) -> Any:
        arguments = args if isinstance(args, list) else []
        return self.function(*arguments[: self.most_arguments])

    def validate(self, args: Any, context: Any) -> Any:
        if isinstance(args, list) and len(args) > self.most_arguments:
            raise JException("T0410", -1, self.most_arguments + 1, self.name)
        return args

    def get_number_of_args(self) -> int:
        """Return how many arguments $map and the like pass on."""
        return self.most_arguments


FUNCTIONS: dict[str, Any] = {
    "partition": _Function("partition", partition, 2),
    "range": _Function("range", range_, 3),
    "hash": _Function("hash", hash_, 2),
    "random": _Function("random", random, 1),
    "uuid": _Function("uuid", uuid, 0),
    "parse": _Function("parse", parse, 1),
    "eval": UNDEFINED,
}
