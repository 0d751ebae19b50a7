"""Starts a batch, and finds one again that was started."""

import io
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training import atomic
from training.batch.photos import Source
from training.config import MANIFEST_PREFIX
from training.context import Context
from training.errors import BatchError
from training.options import LAST_BATCH

RECORD = "batch.json"


@dataclass(frozen=True)
class Batch:
    """An execution of the workflow for batches."""

    name: str
    execution_arn: str
    photos: int  # that were counted before it began; 0: unknown
    concurrency: int  # photos at once; 0: the stack's own


def directory_of(context: Context, name: str) -> Path:
    """Return where a batch's results are kept on this machine."""
    return context.directory / "batches" / name


def start(context: Context, source: Source, settings: dict[str, Any]) -> Batch:
    """Upload the manifest, if there is one, and start the execution.

    Args:
        settings: Its optional input: concurrency, classes, max_refused_share, max_failed_share.
    """
    # The date makes names chronological; without the token, two batches of one second would be one execution.
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    photos = {"prefix": source.prefix} if source.prefix else {"manifest": upload(context, source, name)}
    reply = context.clients.stepfunctions.start_execution(
        stateMachineArn=context.stack.batch_machine_arn, name=name, input=json.dumps(photos | settings)
    )
    batch = Batch(name, reply["executionArn"], source.photos, settings.get("concurrency", 0))
    directory = directory_of(context, name)
    directory.mkdir(parents=True, exist_ok=True)
    atomic.write_text(directory / RECORD, json.dumps(asdict(batch), indent=2) + "\n")
    return batch


def upload(context: Context, source: Source, name: str) -> str:
    """Put a manifest into the bucket; returns its key."""
    key = f"{MANIFEST_PREFIX}/{name}.jsonl"
    context.clients.s3.upload_fileobj(io.BytesIO(source.manifest), context.stack.bucket, key)
    return key


def find(context: Context, name: str) -> Batch:
    """Return a batch by its name, or the last one of this machine.

    Raises:
        BatchError: No batch was started on this machine.
    """
    name = last(context) if name == LAST_BATCH else name
    try:
        record = json.loads((directory_of(context, name) / RECORD).read_bytes())
        return Batch(name, record["execution_arn"], int(record["photos"]), int(record["concurrency"]))
    except (OSError, ValueError, KeyError, TypeError):  # started elsewhere, or damaged
        machine = context.stack.batch_machine_arn
        return Batch(name, f"{machine.replace(':stateMachine:', ':execution:')}:{name}", 0, 0)


def last(context: Context) -> str:
    """Return the name of the batch that was started last on this machine."""
    names = sorted(path.parent.name for path in (context.directory / "batches").glob(f"*/{RECORD}"))
    if not names:
        raise BatchError(f"No batch of {context.stack.name} was started on this machine: give its name.")
    return names[-1]
