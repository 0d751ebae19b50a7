"""Runs executions of the workflow: never more under way than allowed, each until its own end has been seen.

ListExecutions and DescribeExecution are eventually consistent on AWS: what they do not show yet may have happened. So
an execution is under way from its StartExecution until a reply shows its end.
"""

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore.exceptions import ClientError

from training.errors import ExecutionsError
from training.refusals import is_missing, is_throttled, throttling_ignored

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

POLL_SECONDS = 0.5  # a ListExecutions each time; AWS refills its quota by 2 to 5 requests a second
STALL_SECONDS = 900  # without any execution ending
SILENT_SECONDS = 10.0  # after which an execution that no list shows is described
DESCRIBED = 5  # executions a poll, at most; AWS refills the quota of DescribeExecution by 10 to 15 requests a second
WORKERS = 8  # concurrent API requests
STARTED = 4 * WORKERS  # executions that are started between two looks at the time
LIST_SLACK = timedelta(seconds=5)  # a list that lags may not be in strict order
PAGE_SIZES = (100, 1000)  # of the list; the second is AWS's limit
LISTED = 2000  # entries a poll, at most: what has ended lately stands at the top

WAITING, RUNNING, SUCCEEDED, FAILED = "WAITING", "RUNNING", "SUCCEEDED", "FAILED"
ENDED = (SUCCEEDED, FAILED, "TIMED_OUT", "ABORTED")
# Refusals of one StartExecution that say nothing about the next one.
REFUSED_ALONE = ("ExecutionLimitExceeded", "InvalidExecutionInput", "InvalidName", "KmsThrottlingException")

Event: TypeAlias = Mapping[str, Any]
Events: TypeAlias = Mapping[str, Event]  # by the execution's name


@dataclass
class Execution:
    """An execution, and what is known of it."""

    name: str
    arn: str
    event: Event
    status: str = WAITING  # WAITING, RUNNING or one of ENDED
    started: datetime | None = None  # by AWS's clock
    stopped: datetime | None = None
    error: str = ""
    cause: str = ""
    output: str = ""  # JSON
    explained: bool = False  # error, cause and output are known; a list does not have them
    doubt: str = ""  # StartExecution's error, while the execution may have been started all the same
    heard: float = -math.inf  # of the last news, on this machine's monotonic clock

    def take(self, reply: Any) -> None:
        """Take what a list or a description says; that it runs does not revoke an end that has been seen."""
        self.heard, self.doubt, self.started = time.monotonic(), "", reply["startDate"]
        if reply["status"] in ENDED:
            self.status, self.stopped = reply["status"], reply.get("stopDate")

    def fail(self, error: str, cause: str) -> None:
        """Record that the execution was not started."""
        self.status, self.error, self.cause, self.explained = FAILED, error, cause, True

    @property
    def seconds(self) -> float:
        """The execution's duration, NaN when it was not started."""
        return (self.stopped - self.started).total_seconds() if self.started and self.stopped else math.nan


class Workflow:
    """The executions of one run, started and followed through Step Functions.

    Example:
        for ended in workflow.run(limit=50):
            print(f"{ended} of {len(workflow.executions)} have ended")
    """

    def __init__(self, client: "SFNClient", state_machine_arn: str, events: Events) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn
        prefix = state_machine_arn.replace(":stateMachine:", ":execution:")
        self._by_name = {name: Execution(name, f"{prefix}:{name}", event) for name, event in events.items()}
        self.executions = tuple(self._by_name.values())
        self._shown = datetime.min.replace(tzinfo=UTC)  # the newest moment that the list has shown
        self._news = LISTED  # entries of the last look that were newer than those before

    def run(self, limit: int) -> Iterator[int]:
        """Start all executions, at most `limit` under way at once, and yield how many have ended until all have.

        Raises:
            ExecutionsError: No execution has ended for `STALL_SECONDS`.
        """
        ended, last_end = 0, time.monotonic()
        while ended < len(self.executions):
            self.follow()
            now_ended, running = len(self.having(*ENDED)), len(self.having(RUNNING))
            if now_ended > ended:
                ended, last_end = now_ended, time.monotonic()
                yield ended
            if time.monotonic() - last_end > STALL_SECONDS:
                raise ExecutionsError(f"{running} executions are running, but none has ended for {STALL_SECONDS} s.")
            if ended < len(self.executions):
                begun = time.monotonic()
                self._start_some(self.having(WAITING)[: max(0, limit - running)])
                time.sleep(max(0.0, begun + POLL_SECONDS - time.monotonic()))

    def having(self, *statuses: str) -> list[Execution]:
        """Return the executions that have one of these statuses."""
        return [execution for execution in self.executions if execution.status in statuses]

    # Starting ------------------------------------------------------------------------------------------------

    def _start_some(self, executions: Sequence[Execution]) -> None:
        """Start executions until it is time to poll: a list shows but the last of thousands that have ended."""
        until = time.monotonic() + POLL_SECONDS
        with ThreadPoolExecutor(WORKERS) as pool:
            for first in range(0, len(executions), STARTED):
                list(pool.map(self.start, executions[first : first + STARTED]))
                if time.monotonic() >= until:
                    return

    def start(self, execution: Execution) -> None:
        """Start an execution; one that AWS refuses has failed.

        Raises:
            ClientError: AWS would refuse every other execution too.
        """
        # Before AWS has answered: the answer may be lost, and another thread may follow meanwhile.
        execution.heard, execution.status = time.monotonic(), RUNNING
        try:
            reply = self._client.start_execution(
                stateMachineArn=self._state_machine_arn, name=execution.name, input=json.dumps(execution.event)
            )
        except ClientError as err:
            start_refused(execution, err)
        else:
            execution.arn, execution.started = reply["executionArn"], reply["startDate"]
        execution.heard = time.monotonic()

    # Following -----------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Read the news of the executions that are under way."""
        with throttling_ignored():
            self._read_list()
        now = time.monotonic()
        silent = [one for one in self.having(RUNNING) if one.doubt or now - one.heard > SILENT_SECONDS]
        self.describe_all(sorted(silent, key=lambda execution: execution.heard)[:DESCRIBED])

    def _read_list(self) -> None:
        """Read the list, newest first, back to what the last look has shown.

        AWS sorts what runs by its start and what has ended by its end: what comes after an entry from before the last
        look is known, and what comes after one from before the oldest start is history. `LISTED` is the end in a burst.
        """
        starts = [execution.started for execution in self.having(RUNNING) if execution.started]
        if not starts:
            return
        since, moments = max(min(starts), self._shown) - LIST_SLACK, list[datetime]()
        smallest, largest = PAGE_SIZES
        size = min(largest, max(smallest, 2 * min(len(starts), self._news)))
        paginator = self._client.get_paginator("list_executions")
        pagination: Any = {"PageSize": size}
        pages = paginator.paginate(stateMachineArn=self._state_machine_arn, PaginationConfig=pagination)
        for page in islice(pages, LISTED // size):
            for entry in page["executions"]:
                self._take_entry(entry)
                moments.append(moment(entry))
            if moments and moments[-1] < since:
                break
        self._shown = max([self._shown, *moments])
        self._news = sum(one >= since for one in moments)

    def _take_entry(self, entry: Any) -> None:
        execution = self._by_name.get(entry["name"])
        if execution and execution.status == RUNNING and not execution.doubt:
            execution.take(entry)

    def describe_all(self, executions: Iterable[Execution]) -> None:
        """Read what the list does not say: errors, causes and outputs; a throttled description is left out."""
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(self._describe, executions))

    def _describe(self, execution: Execution) -> None:
        """Read an execution's description; without a usable one, a later call tries again."""
        try:
            reply = self._client.describe_execution(executionArn=execution.arn)
        except ClientError as err:
            if is_missing(err):
                presume_not_started(execution)
            elif not is_throttled(err):
                raise
            return
        if execution.doubt and json.loads(reply.get("input", "null")) != execution.event:
            execution.fail(execution.doubt, "Another execution has this name.")
            return
        execution.take(reply)
        if reply["status"] in ENDED:
            execution.error, execution.cause = reply.get("error") or "", reply.get("cause") or ""
            execution.output = reply.get("output") or ""
            execution.explained = True

    # Reasons -------------------------------------------------------------------------------------------------

    def explain_failures(self) -> None:
        """Read the errors and causes of the executions that have ended without success.

        Raises:
            ExecutionsError: No error has arrived for `STALL_SECONDS`.
        """
        last_news = time.monotonic()
        while unexplained := self._unexplained():
            self.describe_all(unexplained)
            left = len(self._unexplained())
            if left < len(unexplained):
                last_news = time.monotonic()
            if time.monotonic() - last_news > STALL_SECONDS:
                raise ExecutionsError(f"AWS has not said for {STALL_SECONDS} s why {left} executions failed.")
            if left:
                time.sleep(POLL_SECONDS)

    def _unexplained(self) -> list[Execution]:
        return [one for one in self.having(*ENDED) if one.status != SUCCEEDED and not one.explained]


def start_refused(execution: Execution, err: ClientError) -> None:
    """Record a refused StartExecution: the execution has failed, or may have been started; else raise the refusal."""
    code, message = err.response["Error"]["Code"], err.response["Error"]["Message"]
    if code == "ExecutionAlreadyExists" or err.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        execution.doubt = code  # the SDK repeats a request whose answer was lost, and meets its own execution
    elif code in REFUSED_ALONE or is_throttled(err):
        execution.fail(code, message)
    else:
        execution.status = WAITING
        raise err


def presume_not_started(execution: Execution) -> None:
    """Give up an execution that may have been started when it has been missing for `SILENT_SECONDS`."""
    if execution.doubt and time.monotonic() - execution.heard > SILENT_SECONDS:
        execution.fail(execution.doubt, "StartExecution failed, and the execution does not exist.")


def moment(entry: Any) -> datetime:
    """Return the time by which AWS sorts an entry of the list."""
    found: datetime = entry.get("stopDate") or entry["startDate"]
    return found
