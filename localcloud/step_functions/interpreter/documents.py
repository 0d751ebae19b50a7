"""JSON as it flows from state to state: its value, and its text as histories show it."""

import json
from collections.abc import Iterable
from typing import Any

DATA_LIMIT = 262_144  # bytes of JSON in UTF-8: of an input, a result or an output


def to_json(value: Any) -> str:
    """Return JSON as AWS writes it: without spaces, in UTF-8.

    A lone surrogate, which is not UTF-8, keeps its escape, and so does the rest of such a text.
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def array_of(documents: Iterable["Document"]) -> "Document":
    """Return the array of some documents; AWS puts their texts together as they are."""
    found = list(documents)
    return Document([one.value for one in found], f"[{','.join(one.text for one in found)}]")


class Document:
    """A JSON value that nobody changes, with its text, which is made when it is first asked for."""

    __slots__ = ("_text", "value")

    def __init__(self, value: Any, text: str | None = None) -> None:
        self.value = value
        self._text = text

    @classmethod
    def parse(cls, text: str) -> "Document":
        return cls(json.loads(text), text)

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = to_json(self.value)
        return self._text

    @property
    def is_too_large(self) -> bool:
        """Whether it is over the limit as AWS writes it."""
        if len(self.text) * 4 <= DATA_LIMIT:  # a character has at most four bytes
            return False
        return len(self.text.encode()) > DATA_LIMIT and len(to_json(self.value).encode()) > DATA_LIMIT
