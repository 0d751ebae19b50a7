"""Keeps the deliveries that are under way: whoever was told that an event was taken need not send it again.

A delivery is in a store of segments (`localcloud.store`) until it is made or given up. A crash between the delivery and
that makes it twice, as EventBridge may.
"""

import json
import time
import uuid
from pathlib import Path
from typing import Any

from ministack.core import persistence as ministack_persistence

from localcloud.segments import Content
from localcloud.store import Store

DIRECTORY = "deliveries"  # beside MiniStack's own

Record = dict[str, Any]
store = Store()
found: dict[str, Record] = {}  # deliveries of the process before this one, by name


def load() -> None:
    """Read the deliveries that were under way.

    Raises:
        OSError: The disk does not let it.
    """
    notes = store.open(Path(ministack_persistence.STATE_DIR).parent / DIRECTORY)
    found.update({name: json.loads(note) for name, note in notes.items()})


def new_name() -> str:
    return uuid.uuid4().hex


def keep(name: str, record: Record) -> None:
    """Store a delivery as it is now.

    Raises:
        OSError: The disk does not take it.
    """
    store.write({name: Content(json.dumps(record).encode())})


def forget(name: str) -> None:
    store.write({name: None})


def since_epoch(monotonic: float) -> float:
    """Return a time of this process in seconds since 1970."""
    return time.time() - time.monotonic() + monotonic


def monotonic(since_epoch: float) -> float:
    """Return a time in seconds since 1970 as one of this process."""
    return since_epoch - time.time() + time.monotonic()
