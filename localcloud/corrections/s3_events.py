"""Events of S3 as EventBridge gets them: of objects that are created, and of objects that are deleted.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import contextvars
import functools
import inspect
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from ministack.services import s3

from localcloud.corrections import main_loop, s3_store

EVENT_VERSION = "1.2"
OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"  # the ETag of a delete marker

Event = dict[str, Any]
Fire = Callable[..., None]
Dispatch = Callable[..., None]

# The object of the event under way, with what MiniStack leaves out of it.
_fired: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("fired", default=None)


def tell_before_the_answer(original: Fire) -> Fire:
    """Tell of an object once it is stored and before the request is answered; MiniStack does it when there is time."""

    parameters = inspect.signature(original)

    @functools.wraps(original)
    def fire_when_stored(*given: Any, **named: Any) -> None:
        event = parameters.bind(*given, **named).arguments
        if event["bucket_name"] not in s3._bucket_notifications:
            return
        sequencer = s3._next_event_sequencer(event["event_name"])
        context = contextvars.copy_context()
        with s3_store.changes() as pending:
            pending.events.append(lambda: context.run(s3._fire_s3_event, **event, sequencer=sequencer))

    return fire_when_stored


def note_the_object(original: Fire) -> Fire:
    """Keep what `dispatch_in_aws_s_shape` needs; send on the main thread, where queues may be changed."""

    parameters = inspect.signature(original)

    @functools.wraps(original)
    def fire_s3_event(*given: Any, **named: Any) -> None:
        call = parameters.bind(*given, **named)
        call.apply_defaults()
        _fired.set(members_of(call.arguments))
        main_loop.call(lambda: original(*given, **named))

    return fire_s3_event


def members_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return what AWS tells of the object, from the arguments of MiniStack's function."""
    name = event["event_name"]
    unmade = OF_NOTHING if name.endswith(":DeleteMarkerCreated") else None
    members = {
        "key": event["key"],
        "size": None if ":ObjectRemoved:" in name else event["size"],
        "etag": event["etag"].strip('"') or unmade,
        "version-id": event["version_id"],
        "sequencer": event["sequencer"],
    }
    return {name: value for name, value in members.items() if value is not None}


def dispatch_in_aws_s_shape(original: Dispatch) -> Dispatch:
    """Give events of S3 the members that they have on AWS."""

    def dispatch_event(event: Event, view: Any = None) -> None:
        fired = _fired.get()
        if event.get("Source") == "aws.s3" and fired is not None:
            event = in_aws_s_shape(event, fired)
        original(event, view)

    return dispatch_event


def in_aws_s_shape(event: Event, fired: dict[str, Any]) -> Event:
    """Return an event of S3 with its own id, the time in seconds, and its object as AWS describes it."""
    request_id = uuid.uuid4().hex[:16].upper()
    detail = json.loads(event["Detail"])
    detail |= {"event-version": EVENT_VERSION, "object": fired, "request-id": request_id}
    return {**event, "EventId": str(uuid.uuid4()), "Time": int(time.time()), "Detail": json.dumps(detail)}
