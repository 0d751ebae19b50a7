"""The streams of the process: they may be closed, full or without a reader, and their terminal must not be steered."""

import os
import sys
import unicodedata
from contextlib import suppress
from typing import IO

SHOWN = "\n\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # control characters of ordinary text


def visible(text: str) -> str:
    """Return the text with control characters, marks of direction and lone surrogates as their escape sequences."""
    return text if text.isprintable() else "".join(map(_spelled, text))


def short_name(name: str, most: int) -> str:
    """Return a name on one line of at most `most` characters."""
    line = visible(name).replace("\n", "\\n")
    return line if len(line) <= most else f"{line[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def _spelled(character: str) -> str:
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs") and character not in SHOWN
    return character.encode("unicode_escape").decode() if hidden else character


def flush_streams() -> None:
    """Write what is left; what nobody reads is dropped here, where Python would print a traceback about it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            discard(stream)


def discard(stream: IO[str]) -> None:
    """Let whatever is still written to a stream go nowhere."""
    with suppress(OSError, ValueError):  # a stream without a file descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
