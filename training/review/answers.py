"""What people answered about classified photos, kept in `runs/<stack>/review/answers.jsonl`.

Lines are only appended, and each is on the disk before `add` or `undo` returns. The last answer to a photo counts; an
undo brings the one before it back. Read the file with `read`.
"""

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

import pandas as pd

from training.errors import ReviewError

NONE_OF_THESE = "none of these"  # the photo shows something else: the model cannot be right
UNUSABLE = "unusable"  # nobody can tell what the photo shows: it counts neither as right nor as wrong
UNDO = "undo"  # the field of a line that takes the last answer to an event back


@dataclass(frozen=True)
class Answer:
    """What somebody answered about one captured inference, and how that inference was selected."""

    event_id: str  # of the captured inference
    inference_id: str  # "" when the request had none
    s3_key: str  # "" when the photo is known from the capture only
    version: str  # of the object; "" for the newest
    answer: str  # a class, NONE_OF_THESE or UNUSABLE
    time: str  # ISO 8601, UTC: when the person answered
    stratum: str  # of `selection.STRATA`
    inclusion_probability: float  # of its selection within the stratum, in (0, 1]
    inference_time: str  # ISO 8601, UTC: when the model answered
    predicted_class: str  # the model's most likely one
    confidence: float  # the model's, in [0, 1]
    threshold: float  # that decided the stratum, in [0, 1]


NUMBERS = ("inclusion_probability", "confidence", "threshold")
COLUMNS = tuple(field.name for field in fields(Answer))


def path_of(directory: Path) -> Path:
    """Return the file of answers; `directory` is the run's, `runs/<stack>`."""
    return directory / "review" / "answers.jsonl"


def photo_path(directory: Path, event_id: str) -> Path:
    """Return where the photo of an inference is kept as it was sent to the endpoint; it may be missing.

    Args:
        directory: The run's, `runs/<stack>`.
        event_id: It comes from a file of the bucket, so the name of the photo is a digest of it.
    """
    name = hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return directory / "review" / "photos" / name


def read(directory: Path) -> pd.DataFrame:
    """Return the answers that count, one row for each photo answered, in the order of the last answers.

    Args:
        directory: The run's, `runs/<stack>`; without a file of answers, the table has no rows.

    Returns:
        The columns of `Answer`.

    Raises:
        ReviewError: A line is no answer; the message names it.
    """
    path = path_of(directory)
    kept = Answers()
    if path.exists():
        kept.replay(path)
    return table(kept.latest())


def table(given: "list[Answer]") -> pd.DataFrame:
    """Return answers as `read` does."""
    rows = [asdict(answer) for answer in given]
    types: dict[str, Any] = {name: float if name in NUMBERS else object for name in COLUMNS}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(types)


class Answers:
    """The answers of a file, replayed line by line."""

    def __init__(self) -> None:
        self._given: list[Answer] = []  # oldest first; an undo removes the last one

    def latest(self) -> list[Answer]:
        """Return the last answer to each photo, in the order of these answers."""
        last: dict[str, Answer] = {}
        for answer in reversed(self._given):
            last.setdefault(answer.event_id, answer)
        return [*reversed(last.values())]

    def of(self, event_id: str) -> Answer | None:
        """Return the answer that counts, None when there is none."""
        return next((one for one in reversed(self._given) if one.event_id == event_id), None)

    @property
    def last(self) -> Answer | None:
        """The answer that an undo would take back."""
        return self._given[-1] if self._given else None

    def take(self, answer: Answer) -> None:
        self._given.append(answer)

    def take_back(self, event_id: str) -> None:
        """Forget the last answer.

        Raises:
            ValueError: It is not about this photo.
        """
        if self.last is None or self.last.event_id != event_id:
            raise ValueError(f"the last answer is not about {event_id!r:.80}")
        self._given.pop()

    def replay(self, path: Path) -> None:
        """Take the lines of a file; the last one may have been cut short, when the machine stopped while writing.

        Raises:
            ReviewError: A line is no answer.
        """
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                return
            try:
                fields = json.loads(line)
                if UNDO in fields:
                    self.take_back(fields[UNDO])
                else:
                    self.take(answer_of(fields))
            except (ValueError, TypeError, KeyError, RecursionError) as err:
                raise ReviewError(
                    f"Line {number} of {path} is no answer ({type(err).__name__}: {err!s:.200}): correct or remove "
                    "that line."
                ) from err


def answer_of(fields: Mapping[str, Any]) -> Answer:
    """Return the answer that a line holds.

    Raises:
        ValueError: A field is missing, or of a wrong type.
    """
    missing = [name for name in COLUMNS if name not in fields]
    if missing:
        raise ValueError(f"it has no {missing[0]}")
    texts = {name: fields[name] for name in COLUMNS if name not in NUMBERS}
    wrong = [name for name, value in texts.items() if not isinstance(value, str)]
    wrong += [name for name in NUMBERS if not _is_share(fields[name])]
    if wrong or not texts["event_id"] or not texts["answer"]:
        name = wrong[0] if wrong else "event_id" if not texts["event_id"] else "answer"
        raise ValueError(f"{name} is {fields[name]!r:.80}")
    values: dict[str, Any] = {**texts, **{name: float(fields[name]) for name in NUMBERS}}
    return Answer(**values)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1


class Journal(Answers):
    """The answers of a run, of which this process alone adds and takes back some."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        super().__init__()
        self._path = path
        self._file = file
        self.replay(path)
        self._remove_partial_line()

    def add(self, answer: Answer) -> None:
        """Keep an answer; it is on the disk when this returns."""
        self._append(asdict(answer))
        self.take(answer)

    def undo(self) -> Answer | None:
        """Take the last answer back and return it; None when there is none."""
        last = self.last
        if last is not None:
            self._append({UNDO: last.event_id})
            self._given.pop()
        return last

    def _append(self, fields: dict[str, Any]) -> None:
        """Append a line whole, or not at all: a disk may be full in the middle of it."""
        before = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(f"{json.dumps(fields)}\n".encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(before)
            raise

    def _remove_partial_line(self) -> None:
        content = self._path.read_bytes()
        if content and not content.endswith(b"\n"):
            self._file.truncate(content.rfind(b"\n") + 1)


@contextmanager
def opened(directory: Path) -> Iterator[Journal]:
    """Yield the answers of a run to add to, as the only process that does.

    Raises:
        ReviewError: Another process reviews this run, or a line is no answer.
    """
    path = path_of(directory)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise ReviewError(f"Another process adds answers to {path}: end that review (Ctrl-C) first.") from err
        yield Journal(path, file)
