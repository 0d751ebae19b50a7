"""Moves dead letters back: StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask.

MiniStack does not have them. Here a move is over when its request is answered.
"""

import json
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from ministack.services import sqs

from localcloud import identity
from localcloud.corrections.queues import metrics, saved
from localcloud.identity import Permission

# What the caller needs on the dead-letter queue, besides the action itself.
READ = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")

Data = dict[str, Any]
Queue = dict[str, Any]
Dispatch = Callable[[str, Data, str], Coroutine[Any, Any, Data]]


@dataclass(frozen=True)
class Move:
    """A move that is over."""

    source_arn: str
    destination_arn: str  # "" when each message went where it had come from
    rate: int  # MaxNumberOfMessagesPerSecond, 0 when not given
    moved: int
    started: int  # milliseconds since 1970

    def members(self) -> Data:
        """Return a result of ListMessageMoveTasks."""
        return {
            "Status": "COMPLETED",
            "SourceArn": self.source_arn,
            **({"DestinationArn": self.destination_arn} if self.destination_arn else {}),
            **({"MaxNumberOfMessagesPerSecond": self.rate} if self.rate else {}),
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.moved,
            "StartedTimestamp": self.started,
        }


_moves: list[Move] = []  # newest first; a restart forgets them


def move_messages_too(original: Dispatch) -> Dispatch:
    """Answer the three operations that MiniStack does not have, and none before its messages are saved."""
    operations: dict[str, Callable[[Data], Data]] = {
        "StartMessageMoveTask": start,
        "ListMessageMoveTasks": list_moves,
        "CancelMessageMoveTask": cancel,
    }

    async def dispatch(action: str, data: Data, qurl: str) -> Data:
        try:
            answer = operations[action](data) if action in operations else await original(action, data, qurl)
            note(action, data, qurl, answer)
        except OSError as err:
            sentence = f"The local cloud cannot save messages: {err}. Make room on the disk."
            raise sqs._Err("ServiceUnavailable", sentence, 503) from err
        return answer

    return dispatch


def note(action: str, data: Data, qurl: str, answer: Data) -> None:
    """Save what a request has hidden or shown again, and count what it has deleted."""
    if action.startswith("ChangeMessageVisibility"):
        saved.save_hidden(data, qurl)
    elif action.startswith("DeleteMessage"):
        queue = sqs._get_q(data.get("QueueUrl", qurl))
        metrics.count(queue["attributes"]["QueueArn"], "NumberOfMessagesDeleted", len(answer.get("Successful", "1")))


def start(data: Data) -> Data:
    """Move all messages of a dead-letter queue to another queue, or to those that they came from."""
    source_arn, destination_arn = str(data.get("SourceArn", "")), str(data.get("DestinationArn") or "")
    source = queue_of(source_arn)
    if not any(redrives_to(queue, source_arn) for queue in sqs._queues.values()):
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    require(*(Permission(action, source_arn) for action in READ))
    if destination_arn:
        queue_of(destination_arn)
        require(Permission("sqs:SendMessage", destination_arn))
    moved = sum(1 for message in list(source["messages"]) if move(message, source, destination_arn))
    started = int(time.time() * 1000)
    _moves.insert(
        0, Move(source_arn, destination_arn, int(data.get("MaxNumberOfMessagesPerSecond") or 0), moved, started)
    )
    return {"TaskHandle": uuid.uuid4().hex}


def list_moves(data: Data) -> Data:
    source_arn = str(data.get("SourceArn", ""))
    queue_of(source_arn)
    found = [move.members() for move in _moves if move.source_arn == source_arn]
    return {"Results": found[: int(data.get("MaxResults") or 1)]}


def cancel(data: Data) -> Data:
    raise sqs._Err("ResourceNotFoundException", "Task does not exist.", 404)


def move(message: Data, source: Queue, destination_arn: str) -> bool:
    """Put a message on a queue as a new one; a message that is being processed or came from nowhere stays."""
    arn = destination_arn or message.get("sys", {}).get("DeadLetterQueueSourceArn", "")
    destination = sqs._queue_by_arn(arn)
    if destination is None or message["visible_at"] > time.time():
        return False
    body, attributes = {"MessageBody": message["body"]}, {"MessageAttributes": message.get("message_attributes") or {}}
    group = {name: message[key] for name, key in fifo_members(message)}
    sqs._act_send_message({**body, **attributes, **group}, destination["url"])
    source["messages"].remove(message)
    return True


def fifo_members(message: Data) -> Iterator[tuple[str, str]]:
    if message.get("group_id"):
        yield "MessageGroupId", "group_id"
    if message.get("dedup_id"):
        yield "MessageDeduplicationId", "dedup_id"


def redrives_to(queue: Queue, arn: str) -> bool:
    policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    return bool(policy.get("deadLetterTargetArn") == arn)


def queue_of(arn: str) -> Queue:
    """Return a queue.

    Raises:
        _Err: There is none with this ARN.
    """
    queue: Queue | None = sqs._queue_by_arn(arn)
    if queue is None:
        sentence = "The resource that you specified for the SourceArn parameter doesn't exist."
        raise sqs._Err("ResourceNotFoundException", sentence, 404)
    return queue


def require(*permissions: Permission) -> None:
    for permission in permissions:
        if denied := identity.denial_of_caller(permission):
            raise sqs._Err("AccessDenied", denied.message, 403)
