"""A review under way: which photo is next, and what was answered. Several tabs may ask at once."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from training.review.answers import NONE_OF_THESE, UNUSABLE, Answer, Journal

State = dict[str, Any]  # what the page shows, as JSON


@dataclass(frozen=True)
class Task:
    """An inference to review."""

    event_id: str
    fields: dict[str, Any]  # of its row in the selection


class Session:
    """The order of the tasks, and the answers to them; every answer is on the disk before the next photo is named."""

    def __init__(self, selected: pd.DataFrame, classes: tuple[str, ...], threshold: float, journal: Journal) -> None:
        """Go on where the answers end.

        Args:
            selected: `selection.select`.
        """
        self.tasks = [Task(row["event_id"], dict(row)) for row in selected.to_dict("records")]  # type: ignore[arg-type]
        self.choices = (*classes, NONE_OF_THESE, UNUSABLE)
        self._numbers = {task.event_id: number for number, task in enumerate(self.tasks)}
        self._threshold = threshold
        self._journal = journal
        self._skipped: list[str] = []  # event ids, in the order in which they come again
        self._last_is_skip = False
        self._lock = threading.Lock()
        self.answered_here = 0

    def state(self, note: str = "") -> State:
        """Return what the page shows: the photo to answer, the one after it, and how far the review is.

        Args:
            note: A sentence for the person, such as why an answer was not taken.
        """
        with self._lock:
            return self._state(note)

    def answer(self, event_id: str, answer: str) -> State:
        """Keep an answer; a photo that is answered already, in another tab or by a repeated request, keeps its answer.

        Raises:
            ValueError: There is no such photo or choice.
        """
        if event_id not in self._numbers or answer not in self.choices:
            raise ValueError(f"{answer!r:.60} is no answer to the photo {event_id!r:.60}")
        with self._lock:
            given = self._journal.of(event_id)
            if given is not None:
                same = given.answer == answer
                return self._state("" if same else f"That photo was answered before: {given.answer}.")
            self._journal.add(answer_to(self._fields(event_id), answer, self._threshold))
            self.answered_here += 1
            self._forget_skip(event_id)
            return self._state("")

    def skip(self, event_id: str) -> State:
        """Put a photo at the end.

        Raises:
            ValueError: There is no such photo.
        """
        if event_id not in self._numbers:
            raise ValueError(f"there is no photo {event_id!r:.60}")
        with self._lock:
            if self._journal.of(event_id) is None:
                self._forget_skip(event_id)
                self._skipped.append(event_id)
                self._last_is_skip = True
            return self._state("")

    def undo(self, event_id: str) -> State:
        """Take the last answer or skip back, if it is about this photo: a second request takes nothing more back."""
        with self._lock:
            if self._undoable() == event_id:
                if self._last_is_skip:
                    self._forget_skip(event_id)
                else:
                    self._journal.undo()
                    self.answered_here -= 1
                    if event_id in self._skipped:
                        self._skipped.remove(event_id)
            return self._state("")

    def _fields(self, event_id: str) -> dict[str, Any]:
        return self.tasks[self._numbers[event_id]].fields

    def _forget_skip(self, event_id: str) -> None:
        if event_id in self._skipped:
            self._skipped.remove(event_id)
        self._last_is_skip = False

    def _undoable(self) -> str | None:
        """Return the photo whose answer or skip an undo takes back; None for answers of an earlier selection."""
        if self._last_is_skip:
            return self._skipped[-1]
        last = self._journal.last
        return last.event_id if last is not None and last.event_id in self._numbers else None

    def _open(self) -> list[int]:
        """Return the numbers of the next two photos without an answer, the skipped ones last."""
        skipped = set(self._skipped)
        found: list[int] = []
        for number, task in enumerate(self.tasks):
            if task.event_id not in skipped and self._journal.of(task.event_id) is None:
                found.append(number)
                if len(found) == 2:
                    return found
        return [*found, *(self._numbers[event_id] for event_id in self._skipped)][:2]

    def _state(self, note: str) -> State:
        numbers = self._open()
        shown = [{"number": number, "event_id": self.tasks[number].event_id} for number in numbers]
        answered = sum(self._journal.of(task.event_id) is not None for task in self.tasks)
        undoable, last = self._undoable(), self._journal.last
        return {
            "total": len(self.tasks),
            "answered": answered,
            "skipped": len(self._skipped),
            "current": shown[0] if shown else None,
            "next": shown[1] if len(shown) > 1 else None,
            "undo": undoable,
            "last": None if self._last_is_skip or last is None or undoable is None else told(last),
            "note": note,
        }


def told(answer: Answer) -> State:
    """Return an answer beside the model's, which is told only afterwards: it would influence the answer."""
    return {
        "answer": answer.answer,
        "predicted_class": answer.predicted_class,
        "confidence": answer.confidence,
        "refused": answer.confidence < answer.threshold,
    }


def answer_to(fields: dict[str, Any], answer: str, threshold: float) -> Answer:
    """Return the answer, given now, to an inference of the selection."""
    key = fields["s3_key"]
    return Answer(
        event_id=fields["event_id"],
        inference_id=fields["inference_id"],
        s3_key=key if isinstance(key, str) else "",
        version="",
        answer=answer,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        stratum=fields["stratum"],
        inclusion_probability=float(fields["inclusion_probability"]),
        inference_time=fields["time"].isoformat(timespec="seconds"),
        predicted_class=fields["predicted_class"],
        confidence=min(1.0, float(fields["confidence"])),
        threshold=threshold,
    )
