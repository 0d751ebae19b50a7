"""Events that nobody should send: any JSON value at all, derived from a seed and a number."""

import base64
import json
import random
from collections.abc import Callable
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n and the rest"


def nested(levels: int, wrap: Callable[[Any], Any]) -> Any:
    """Return a value that is nested deeper than Python recurses."""
    value: Any = 0.5
    for _ in range(levels):
        value = wrap(value)
    return value


DEEP = [nested(20_000, lambda value: [value]), nested(20_000, lambda value: {"a": value})]
NUMBERS = [0, 1, -1, 2, 0.5, -0.0, 1e-300, 1e308, 2**63, 10**400, 10**5000, *map(float, ("inf", "-inf", "nan"))]
TEXTS = [
    *(
        "",
        " ",
        "text",
        "null",
        "true",
        "{}",
        "[]",
        "{",
        '"',
        '"text"',
        "NaN",
        "é",
        "自転車",
        "\x00",
        "a\nb",
        "%00",
        "=1+1",
    ),
    *("\ud800", "a\udfffb", '"\\ud800"', "9" * 5000, "x" * 300_000, "[" * 50_000, '{"body":' * 50_000, "[0.97, 0.03]"),
]
ODD: list[Any] = [None, True, False, [], {}, [[]], {"body": None}, {"body": []}, *NUMBERS, *TEXTS, *DEEP]

# For each field: values that are right, values that only look right, and anything.
FIELDS: dict[str, list[Any]] = {
    "s3_bucket": [
        *(
            "photos",
            "my.bucket",
            "Legacy_Bucket",
            "x" * 63,
            "x" * 255,
            "xy",
            "x" * 256,
            "photos\n",
            "-x-",
            "a/b",
            "...",
        ),
        *("arn:aws:s3:us-east-1:123456789012:accesspoint/photos", "arn:aws:s3::123456789012:accesspoint/a.mrap"),
        *("photos--use1-az4--x-s3", "http://photos", "ph otos", "fahrräder"),
    ],
    "s3_key": [
        *("images/a.png", "images/自転車.png", "../../x", "/", ".", "a b+c%20&?=#", "\x00", "a\r\nb: c", "k" * 1024),
        *("é" * 512, "k" * 1025, "é" * 513, "\ud800.png", "images/\udc80.png", "👍" * 256),
    ],
    "image_data": [
        *(base64.b64encode(PNG).decode(), base64.b64encode(b"\xff\xd8\xff" * 50_000).decode(), "aGk=", ""),
        *("aGk", "not base64!", "aGk=\n", "é", "\ud800", "====", PNG.hex()),
    ],
    "inferences": [
        *([], [0.97, 0.03], [0.5, 0.5], [1, 0], [0.2, 0.2, 0.6], [0.001] * 1000, [1.0], [2], [True], [True, False]),
        *([0.9, None], ["0.9", "0.1"], [[0.9, 0.1]], [1.5, -0.5], [0.9, 0.1, "x"], {"0": 0.9}, {"predictions": [0.9]}),
        *([float("nan"), 0.9], [float("inf"), 0], [10**400, 0], [10**5000, 0], [-1e-9, 1], [0.9, 0.1] * 50_000),
        *("[0.97, 0.03]", '"[0.97, 0.03]"', "[NaN, 0.9]", "[1e999, 0]", "[true, false]", "[0.97, 0.03", "0.97, 0.03"),
    ],
    "s3_version_id": ["v1", "null", "", "\ud800", "v" * 1025, "a\nb", 5],
    "body": ["{}", "[]", '{"s3_key": "a"}'],
    "\ud800": ["\udfff"],
}
RIGHT = {"s3_bucket": "photos", "s3_key": "images/a.png", "image_data": "", "inferences": [0.97, 0.03]}


def odd_event(rng: random.Random) -> Any:
    """Return an event: any value, or a right event with a few fields changed, in envelopes of any kind."""
    event = odd_value(rng) if rng.random() < 0.1 else changed(rng, RIGHT)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 4))):
        event = enveloped(rng, event)
    return event


def odd_value(rng: random.Random, depth: int = 3) -> Any:
    kind = rng.random() if depth else 0
    if kind < 0.6:
        return rng.choice(ODD)
    values = [odd_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return values if kind < 0.8 else {rng.choice([*FIELDS, "", "x"]): value for value in values}


def changed(rng: random.Random, event: dict[str, Any]) -> dict[str, Any]:
    """Return an event in which up to three fields are changed or left out."""
    event = dict(event)
    for field in rng.sample(sorted(FIELDS), rng.choice((0, 1, 1, 1, 2, 3))):
        kind = rng.random()
        if kind < 0.1:
            event.pop(field, None)
        else:
            event[field] = rng.choice(FIELDS[field]) if kind < 0.75 else odd_value(rng)
    return event


def enveloped(rng: random.Random, event: Any) -> Any:
    """Return an event in one of the envelopes that workflows use."""
    kind = rng.randrange(4)
    if kind == 0:
        return {"body": event}
    if kind == 1:
        return {"statusCode": 200, "body": event, "s3_key": "outer"}
    try:
        text = json.dumps(event, ensure_ascii=bool(rng.randrange(2)))
    except (ValueError, RecursionError):  # no JSON text: too many digits, nested too deeply
        return {"body": event}
    return text if kind == 2 else {"body": text}
