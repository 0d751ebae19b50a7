"""The 18 intrinsic functions, each with AWS's rules for its arguments.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

import base64
import binascii
import hashlib
import json
import math
import random
import re
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from localcloud.step_functions.expressions.paths import compact

MOST_CHARACTERS = 10_000  # of Base64Encode, Base64Decode and Hash
MOST_ITEMS = 1000  # of ArrayRange
_DIGESTS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_PLACEHOLDER = re.compile(r"\\(.)|(\{\})|([{}])")


class FunctionError(Exception):
    """When the arguments do not suit the function."""


def array(*values: Any) -> list[Any]:
    """Return the arguments as an array."""
    return list(values)


def array_partition(values: Any, size: Any) -> list[list[Any]]:
    """Return the array in chunks of at most this size."""
    items, chunk = _array(values), _integer(size)
    if chunk < 1:
        raise FunctionError("The chunk size must be a non-zero, positive integer")
    return [items[start : start + chunk] for start in range(0, len(items), chunk)]


def array_contains(values: Any, value: Any) -> bool:
    """Return whether the array has the value: 1 is not true, 1 is 1.0."""
    return any(_same(item, value) for item in _array(values))


def array_range(first: Any, last: Any, step: Any) -> list[int]:
    """Return the integers from the first up to and including the last."""
    start, end, increment = _integer(first), _integer(last), _integer(step)
    if increment == 0:
        raise FunctionError("The increment must not be zero")
    numbers = range(start, end + (1 if increment > 0 else -1), increment)
    if len(numbers) > MOST_ITEMS:
        raise FunctionError(f"The generated array contains more than {MOST_ITEMS} items")
    return list(numbers)


def array_get_item(values: Any, index: Any) -> Any:
    """Return the element at an index, which starts at 0."""
    items = _array(values)
    if not _is_integer(index) or not 0 <= index < len(items):
        raise FunctionError(f"The index {compact(index)} is not valid for an array of {len(items)} items")
    return items[index]


def array_length(values: Any) -> int:
    """Return the number of elements."""
    return len(_array(values))


def array_unique(values: Any) -> list[Any]:
    """Return the first of each group of equal elements."""
    unique: list[Any] = []
    for item in _array(values):
        if not any(_same(item, seen) for seen in unique):
            unique.append(item)
    return unique


def base64_encode(text: Any) -> str:
    """Return the Base64 of the text's UTF-8."""
    return base64.b64encode(_text(text, MOST_CHARACTERS).encode()).decode()


def base64_decode(text: Any) -> str:
    """Return the text whose UTF-8 the Base64 holds."""
    try:
        return base64.b64decode(_text(text, MOST_CHARACTERS), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as err:
        raise FunctionError("The argument is not valid Base64") from err


def hash_of(data: Any, algorithm: Any) -> str:
    """Return the digest in lower-case hexadecimal."""
    if not isinstance(algorithm, str) or algorithm not in _DIGESTS:
        raise FunctionError(f"The algorithm must be one of {', '.join(_DIGESTS)}")
    return hashlib.new(_DIGESTS[algorithm], _text(data, MOST_CHARACTERS).encode()).hexdigest()


def json_merge(first: Any, second: Any, deep: Any) -> dict[str, Any]:
    """Return the fields of both objects, the second's where both have them. Only the shallow merge exists."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise FunctionError("The first two arguments must be JSON objects")
    if deep is not False:
        raise FunctionError("The third argument must be false: the deep merge is not supported")
    return {**first, **second}


def string_to_json(text: Any) -> Any:
    """Return the value that the text is the JSON of."""
    try:
        return json.loads(_text(text))
    except ValueError as err:
        raise FunctionError("The argument is not valid JSON") from err


def json_to_string(value: Any) -> str:
    """Return the value's JSON without spaces."""
    return compact(value)


def math_random(start: Any, end: Any, *seed: Any) -> int:
    """Return an integer from the start up to but not including the end; the same one for the same seed."""
    low, high = _integer(start), _integer(end)
    if len(seed) > 1:
        raise FunctionError("Expected 2 or 3 arguments")
    if low >= high:
        raise FunctionError("The start number must be less than the end number")
    if not seed:
        return low + secrets.randbelow(high - low)
    return random.Random(_integer(seed[0])).randrange(low, high)


def math_add(first: Any, second: Any) -> int:
    """Return the sum of two integers; other numbers are rounded before."""
    return _integer(first) + _integer(second)


def string_split(text: Any, delimiters: Any) -> list[str]:
    """Return the parts between any of the delimiting characters, without empty ones."""
    characters = _text(delimiters)
    if not characters:
        raise FunctionError("The delimiter must not be empty")
    return [part for part in re.split(f"[{re.escape(characters)}]", _text(text)) if part]


def new_uuid() -> str:
    """Return a random UUID, version 4."""
    return str(uuid.uuid4())


def format_text(template: Any, *values: Any) -> str:
    """Return the template with each {} replaced by the argument of its position; \\{, \\} and \\' are characters."""
    remaining = iter(values)
    parts, position = [], 0
    text = _text(template)
    for match in _PLACEHOLDER.finditer(text):
        parts += [text[position : match.start()], _filled(match, remaining)]
        position = match.end()
    if next(remaining, _END) is not _END:
        raise FunctionError("The number of arguments does not match the occurrences of {}")
    return "".join([*parts, text[position:]])


_END = object()


def _filled(match: re.Match[str], remaining: Any) -> str:
    if match[1] is not None:
        return match[1]
    if match[3] is not None:
        raise FunctionError("Matching '}' not found for '{'" if match[3] == "{" else "Unexpected '}'")
    value = next(remaining, _END)
    if value is _END:
        raise FunctionError("The number of arguments does not match the occurrences of {}")
    return _shown(value)


def _shown(value: Any) -> str:
    """Return a value as States.Format shows it: arrays and objects as Java does, {a=1, b=[]}."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_shown(item)}" for name, item in value.items()) + "}"
    return compact(value)


def _same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal; Python takes True for 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise FunctionError(f"Expected an array, but got {compact(value)}")
    return value


def _text(value: Any, most_characters: int | None = None) -> str:
    if not isinstance(value, str):
        raise FunctionError(f"Expected a string, but got {compact(value)}")
    if most_characters is not None and len(value) > most_characters:
        raise FunctionError(f"The argument has {len(value)} characters; at most {most_characters} are allowed")
    return value


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _integer(value: Any) -> int:
    """Return the nearest integer of a number, halves upwards as Java rounds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FunctionError(f"Expected an integer, but got {compact(value)}")
    return value if isinstance(value, int) else math.floor(value + 0.5)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Array": array,
    "ArrayPartition": array_partition,
    "ArrayContains": array_contains,
    "ArrayRange": array_range,
    "ArrayGetItem": array_get_item,
    "ArrayLength": array_length,
    "ArrayUnique": array_unique,
    "Base64Encode": base64_encode,
    "Base64Decode": base64_decode,
    "Hash": hash_of,
    "JsonMerge": json_merge,
    "StringToJson": string_to_json,
    "JsonToString": json_to_string,
    "MathRandom": math_random,
    "MathAdd": math_add,
    "StringSplit": string_split,
    "UUID": new_uuid,
    "Format": format_text,
}
