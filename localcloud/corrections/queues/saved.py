"""Keeps the messages of queues: by itself MiniStack saves them with the rest of its state, a second or more later.

Here a message is in a store of segments (`localcloud.store`) under `<ARN of the queue>/<message id>` before it is on
the queue, so whoever was told that it was sent finds it again after a crash. What is received, hidden or deleted is
written as well. The queue itself, its attributes and the deduplication of FIFO queues are saved with the rest.
"""

import copy
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ministack.core import persistence as ministack_persistence
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import sqs

from localcloud.corrections.queues import metrics
from localcloud.segments import Content
from localcloud.store import Store

DIRECTORY = "messages"  # beside MiniStack's own

Message = dict[str, Any]
store = Store()
waiting: dict[str, list[Message]] = defaultdict(list)  # messages whose queue is not there yet, by its ARN


def load() -> None:
    """Read the messages that were on queues.

    Raises:
        OSError: The disk does not let it.
    """
    notes = store.open(Path(ministack_persistence.STATE_DIR).parent / DIRECTORY)
    for name, note in notes.items():
        message = json.loads(note, object_hook=ministack_persistence._json_object_hook)
        waiting[name.rpartition("/")[0]].append(message)


def note_of(message: Message) -> Content:
    return Content(json.dumps(message, default=ministack_persistence._json_default).encode())


class Messages(list[Message]):
    """The messages of a queue. One is stored before it is added."""

    def __init__(self, arn: str, messages: Iterable[Message] = ()) -> None:
        super().__init__(messages)
        self.arn = arn

    def append(self, message: Message) -> None:
        """Add a message.

        Raises:
            OSError: The disk does not take it; it is not on the queue.
        """
        self.save([message])
        super().append(message)
        if not message["receive_count"]:  # else it moved here as a dead letter, which AWS does not count
            metrics.count(self.arn, "NumberOfMessagesSent")

    def remove(self, message: Message) -> None:
        super().remove(message)
        self.forget([message])

    def clear(self) -> None:
        self.forget(self)
        super().clear()

    def save(self, messages: Iterable[Message]) -> None:
        """Store messages as they are now.

        Raises:
            OSError: The disk does not take them.
        """
        store.write({self.name_of(one): note_of(one) for one in messages})

    def forget(self, messages: Iterable[Message]) -> None:
        store.write({self.name_of(one): None for one in messages})

    def name_of(self, message: Message) -> str:
        return f"{self.arn}/{message['id']}"


class Queue(dict[str, Any]):
    """A queue of MiniStack's, which keeps its messages."""

    def __init__(self, queue: dict[str, Any]) -> None:
        """Take over a queue with its messages, and those that wait for it."""
        arn, given = queue["attributes"]["QueueArn"], queue["messages"]
        found = sorted(waiting.pop(arn, []), key=lambda message: message.get("seq") or "")
        found.sort(key=enqueued)
        known = {message["id"] for message in found}
        messages = Messages(arn, [*(one for one in given if one["id"] not in known), *found])
        messages.save(given)
        super().__init__(queue, messages=messages)
        now = time.time()
        self.interrupted = [one for one in messages if one["receive_count"] and one["visible_at"] > now]

    @property
    def messages(self) -> Messages:
        messages: Messages = self["messages"]
        return messages

    def __setitem__(self, member: str, value: Any) -> None:
        """Change a member; MiniStack deletes messages by setting those that are kept, in their order."""
        if member == "messages" and value is not self.messages:
            self.messages.forget(removed(self.messages, value))
            value = Messages(self.messages.arn, value)
        super().__setitem__(member, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        """Return what MiniStack saves: all but the messages, which each save would write again."""
        return copy.deepcopy({**self, "messages": []}, memo)

    def release_interrupted(self) -> None:
        """Show the messages again that a function had in hand when the cloud ended: it has ended with it."""
        released, self.interrupted = self.interrupted, []
        for message in released:
            message["visible_at"] = min(message["visible_at"], time.time())


def enqueued(message: Message) -> float:
    """Return when a message came to its queue, in seconds since 1970."""
    return float(message.get("enqueued_at") or message["sent_at"])


def removed(before: list[Message], kept: list[Message]) -> Iterator[Message]:
    """Yield what is not kept. Deleted messages are near the front, so few are looked at."""
    missing, position = len(before) - len(kept), 0
    for message in before:
        if not missing:
            return
        if position < len(kept) and kept[position] is message:
            position += 1
        else:
            missing -= 1
            yield message


class Queues(AccountRegionScopedDict):  # type: ignore[misc]  # MiniStack has no types
    """MiniStack's queues, each of which keeps its messages until it is deleted."""

    def __setitem__(self, url: str, queue: dict[str, Any]) -> None:
        super().__setitem__(url, Queue(queue))

    def update(self, other: Any) -> None:
        """Take over the queues of a saved state."""
        super().update(other)
        self._data.update({key: Queue(queue) for key, queue in self._data.items() if not isinstance(queue, Queue)})

    def pop(self, url: str, *default: Any) -> Any:
        return deleted(super().pop(url, *default))

    def pop_scoped(self, account_id: str, region: str, url: str, *default: Any) -> Any:
        return deleted(super().pop_scoped(account_id, region, url, *default))


def deleted(queue: Any) -> Any:
    if isinstance(queue, Queue):
        queue.messages.clear()
    return queue


def keep_messages(original: AccountRegionScopedDict) -> Queues:
    return Queues()


def save_received(original: Callable[..., list[Message]]) -> Callable[..., list[Message]]:
    """Count received messages; store how often, until when they are hidden, and by which handle they are deleted."""

    def collect_msgs(q: dict[str, Any], max_n: int, vis_timeout: int) -> list[Message]:
        messages = original(q, max_n, vis_timeout)
        if isinstance(q, Queue):
            q.messages.save(messages)
            received = ("NumberOfMessagesReceived", len(messages)) if messages else ("NumberOfEmptyReceives", 1)
            metrics.count(q.messages.arn, *received)
        return messages

    return collect_msgs


def save_hidden(data: dict[str, Any], qurl: str) -> None:
    """Store messages whose visibility a request has changed."""
    queue = sqs._get_q(data.get("QueueUrl", qurl))
    entries = data.get("Entries") or [data]
    handles = {entry.get("ReceiptHandle") for entry in entries} - {None, ""}
    if isinstance(queue, Queue):
        queue.messages.save([one for one in queue.messages if one["receipt_handle"] in handles])
