"""Traffic through executions of the workflow, one for each photo."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from botocore.exceptions import BotoCoreError

from training.config import IMAGE_PREFIX, traffic_prefix
from training.context import Context
from training.traffic.records import ACCEPTED, REFUSED, Record
from training.traffic.script import Content, Item
from training.traffic.sending import READERS, client_config
from training.workflow import ENDED, FAILED, SUCCEEDED, Execution, Workflow

BELOW_THRESHOLD = "ThresholdConfidenceNotMetError"  # of filterInferences
BEST = re.compile(r"best ([01]\.\d+)")  # in its message
LEAST_READ, MOST_READ = 5, 128  # descriptions each time; AWS refills their quota by 10 to 15 a second


def records_of(items: Sequence[Item], name: str) -> list[Record]:
    """Return the records of photos that are sent under a name; equal files share a key."""
    keys: dict[int, str] = {}
    prefix = f"{traffic_prefix(IMAGE_PREFIX)}{name}/"
    for item in items:
        keys.setdefault(id(item.content), f"{prefix}{len(keys) + 1:06d}{item.content.suffix}")
    return [Record(item, keys[id(item.content)]) for item in items]


def upload(context: Context, records: Sequence[Record]) -> None:
    """Put all photos into the bucket, below a prefix that starts nothing."""
    contents: dict[str, Content] = {record.key: record.item.content for record in records}

    def put(key: str) -> None:
        context.clients.s3.put_object(Bucket=context.stack.bucket, Key=key, Body=contents[key].body)

    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(put, contents))


class Executions:
    """Executions of the workflow, under names that no other step gives."""

    def __init__(self, context: Context, records: Sequence[Record], name: str, classes: Sequence[str]) -> None:
        self._classes = classes
        session: Any = context.clients.session
        client = session.client("stepfunctions", config=client_config())
        named = {f"traffic-{name}-{record.item.number:06d}": record for record in records}
        bucket = context.stack.bucket
        events = {name: {"s3_bucket": bucket, "s3_key": record.key} for name, record in named.items()}
        self._workflow = Workflow(client, context.stack.state_machine_arn, events)
        self._executions = {named[one.name].item.number: one for one in self._workflow.executions}
        self._taken: SimpleQueue[Record] = SimpleQueue()  # by the senders
        self._open: list[Record] = []  # without an outcome
        self._unread: list[Record] = []  # accepted, with an output that has not been read
        self._read_at_once = LEAST_READ

    def send(self, record: Record) -> None:
        execution, began = self._executions[record.item.number], time.monotonic()
        try:
            self._workflow.start(execution)
        except BotoCoreError as err:
            execution.fail(type(err).__name__, str(err))  # or it would be looked for again and again
            raise
        record.call = time.monotonic() - began
        self._taken.put(record)

    def look(self) -> Iterator[Record]:
        """Read the list of executions, and what it does not say of those that have ended: failures first."""
        while not self._taken.empty():
            self._open.append(self._taken.get())
        self._workflow.follow()
        self._read()
        still: list[Record] = []
        for record in self._open:
            execution = self._executions[record.item.number]
            if not has_outcome(execution):
                still.append(record)
                continue
            settle(record, execution)
            if record.outcome == ACCEPTED:
                self._unread.append(record)
            yield record
        self._open = still
        for record in self._unread:
            self._take_output(record)
        self._unread = [one for one in self._unread if not self._executions[one.item.number].explained]

    def has_news(self) -> bool:
        return bool(self._unread)

    def _read(self) -> None:
        """Describe executions, more each time until AWS throttles it."""
        ended = (self._executions[one.item.number] for one in (*self._open, *self._unread))
        unread = [one for one in ended if one.status in ENDED and not one.explained]
        unread.sort(key=lambda execution: execution.status == SUCCEEDED)
        now = unread[: self._read_at_once]
        self._workflow.describe_all(now)
        throttled = any(not one.explained for one in now)
        self._read_at_once = max(LEAST_READ, self._read_at_once // 2) if throttled else MOST_READ

    def _take_output(self, record: Record) -> None:
        execution = self._executions[record.item.number]
        if execution.output:
            inferences = json.loads(execution.output)["inferences"]
            record.confidence = max(inferences)
            label = inferences.index(record.confidence)
            record.class_name = self._classes[label] if label < len(self._classes) else str(label)


def has_outcome(execution: Execution) -> bool:
    """Tell whether it is known how an execution ended; of a failure, that is its error."""
    return execution.status in ENDED and (execution.explained or execution.status == SUCCEEDED)


def settle(record: Record, execution: Execution) -> None:
    """Record how an execution ended. Its latency is the request's and the execution's, each by one clock."""
    record.latency = record.call + execution.seconds
    if execution.status == SUCCEEDED:
        record.outcome = ACCEPTED
        return
    record.fail(execution.error or execution.status, execution.cause)
    if execution.status == FAILED and execution.error == BELOW_THRESHOLD:
        record.outcome, record.error = REFUSED, ""
        if best := BEST.search(execution.cause):
            record.confidence = float(best[1])
