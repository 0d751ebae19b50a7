"""The messages of queues are on disk before they are on the queue."""

import copy
import time
from pathlib import Path
from typing import Any

import pytest
from ministack.core import persistence as ministack_persistence

from localcloud.corrections.queues import saved
from localcloud.corrections.queues.saved import Queue, Queues
from localcloud.store import Store

ARN = "arn:aws:sqs:us-east-1:000000000000:q"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack_persistence, "STATE_DIR", str(tmp_path / "ministack"))
    start_again()


def start_again() -> None:
    """Read what is on disk, as the next process does."""
    saved.store = Store()
    saved.waiting.clear()
    saved.load()


def plain(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"name": "q", "attributes": {"QueueArn": ARN}, "messages": list(messages)}


def message(name: str, **changes: Any) -> dict[str, Any]:
    now = time.time()
    return {"id": name, "body": name, "sent_at": now, "visible_at": now, "receive_count": 0, **changes}


def again() -> Queue:
    """Return the queue as the next process has it."""
    start_again()
    return Queue(plain())


def names(queue: Queue) -> list[str]:
    return [one["id"] for one in queue["messages"]]


def test_messages_are_there_in_their_order() -> None:
    queue = Queue(plain())
    for name in ("c", "a", "b"):
        queue["messages"].append(message(name, message_attributes={"b": b"\0"}))
    assert names(again()) == ["c", "a", "b"]
    assert again()["messages"][0]["message_attributes"] == {"b": b"\0"}


@pytest.mark.parametrize("gone", [[], ["a"], ["b", "d"], ["d"], ["a", "b", "c", "d"]])
def test_what_is_deleted_is_gone(gone: list[str]) -> None:
    queue = Queue(plain())
    for name in "abcd":
        queue["messages"].append(message(name))
    queue["messages"] = [one for one in queue["messages"] if one["id"] not in gone]
    queue["messages"].append(message("e"))
    assert names(queue) == names(again()) == [name for name in "abcde" if name not in gone]


def test_what_is_removed_or_purged_is_gone() -> None:
    queue = Queue(plain(message("a"), message("b"), message("c")))
    queue["messages"].remove(queue["messages"][1])
    assert names(again()) == ["a", "c"]
    queue["messages"].clear()
    assert names(again()) == []


def test_messages_of_an_older_state_are_taken_over_once() -> None:
    old = plain(message("a"))
    Queue(old)
    start_again()
    assert names(Queue(old)) == ["a"]


def test_messages_wait_until_their_queue_is_there() -> None:
    Queue(plain()).messages.append(message("a"))
    start_again()
    queues = Queues()
    queues["http://localhost/q"] = plain()
    assert names(queues["http://localhost/q"]) == ["a"]
    queues.pop("http://localhost/q")
    assert names(again()) == []


def test_a_message_that_the_disk_refuses_is_not_on_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise OSError(28, "No space left on device")

    queue = Queue(plain())
    monkeypatch.setattr(saved.store, "write", refuse)
    with pytest.raises(OSError, match="No space left"):
        queue["messages"].append(message("a"))
    assert names(queue) == []


def test_what_a_function_had_in_hand_is_shown_again_after_a_crash() -> None:
    later = time.time() + 600
    Queue(plain(message("a", receive_count=1, visible_at=later), message("b", visible_at=later)))
    queue = again()
    queue.release_interrupted()
    in_hand, delayed = queue["messages"]
    assert in_hand["visible_at"] <= time.time() and delayed["visible_at"] == later


def test_the_saved_state_has_the_queue_without_its_messages() -> None:
    queues = Queues()
    queues["http://localhost/q"] = plain(message("a"))
    (kept,) = copy.deepcopy(queues).all_values()
    assert kept == plain()
    assert names(queues["http://localhost/q"]) == ["a"]
