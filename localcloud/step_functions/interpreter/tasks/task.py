"""Task states: a call, its time limit, and its events."""

import asyncio
import contextvars
from typing import Any

from localcloud.step_functions.expressions import ExpressionError
from localcloud.step_functions.interpreter.branch import Answer, Invocation
from localcloud.step_functions.interpreter.documents import Document
from localcloud.step_functions.interpreter.failures import (
    HEARTBEAT_TIMEOUT,
    RUNTIME,
    TIMEOUT,
    StateFailedError,
    TaskFailedError,
    data_limit_exceeded,
)
from localcloud.step_functions.interpreter.results import outcome_of
from localcloud.step_functions.interpreter.tasks.functions import TRUNCATED, Call, call_of
from localcloud.step_functions.interpreter.visit import Outcome, Visit
from localcloud.step_functions.loop import call_threads


async def run_task(visit: Visit) -> Outcome:
    if "Credentials" in visit.state:
        raise ExpressionError(RUNTIME, "The local cloud does not emulate the Credentials of a Task state.")
    given = visit.effective_input()
    arguments = visit.arguments(given)
    region = str(visit.branch.run.context["Execution"]["Id"]).split(":")[3]
    call = call_of(visit.state["Resource"], arguments, region)
    timeout = limit_of(visit, "TimeoutSeconds", given)
    heartbeat = limit_of(visit, "HeartbeatSeconds", given)
    if arguments.is_too_large:
        raise data_limit_exceeded(visit.name)
    limits = {"timeoutInSeconds": timeout}
    if call.events == "Task":
        limits["heartbeatInSeconds"] = heartbeat
    told = {name: seconds for name, seconds in limits.items() if seconds is not None}
    visit.branch.add(f"{call.events}Scheduled", {**call.scheduled, **told})
    return outcome_of(visit, await Attempt(visit, call, timeout, heartbeat).run())


def limit_of(visit: Visit, name: str, given: Document) -> int | None:
    """Return TimeoutSeconds or HeartbeatSeconds, None without one.

    Raises:
        ExpressionError: It is not a positive whole number.
    """
    seconds = visit.read(name, "number", given)
    if seconds is None or (isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0):
        return seconds
    path = visit.state.get(f"{name}Path", name)
    raise ExpressionError(RUNTIME, f"The {name} field must be a positive integer: {path} == {seconds}")


class Attempt:
    """One call of a function."""

    def __init__(self, visit: Visit, call: Call, timeout: int | None, heartbeat: int | None) -> None:
        self._branch = visit.branch
        self._call = call
        self._timeout = timeout
        self._heartbeat = heartbeat
        self._begun = asyncio.Event()

    async def run(self) -> Document:
        """Return the result of the task.

        Raises:
            StateFailedError: The call failed, took too long, or gave too much.
        """
        try:
            result = self._result(await self._answer())
        except TimeoutError:
            self._record("TimedOut", {"error": TIMEOUT})
            raise self._timeout_failure() from None
        except StateFailedError as err:
            told = {"error": err.error, "cause": err.cause}
            self._record("Failed", {name: value for name, value in told.items() if value is not None})
            raise
        self._record("Succeeded", {"output": result.text, "outputDetails": TRUNCATED})
        return result

    def _record(self, ending: str, details: dict[str, Any] | None = None) -> None:
        self._branch.add(f"{self._call.events}{ending}", {**self._call.details, **(details or {})})

    def _result(self, answer: Answer) -> Document:
        if answer.is_error:
            raise self._call.failure(answer)
        result = self._call.result(answer)
        if result.is_too_large:
            raise data_limit_exceeded(self._call.name)
        return result

    async def _answer(self) -> Answer:
        """Call the function, and wait for it as long as the state lets it run; it may queue before."""
        loop, run = asyncio.get_running_loop(), self._branch.run
        place = run.take_place(self._call.function)
        invocation = Invocation(run.role_arn, self._call.function, self._call.payload, self._begin(loop), place)
        context = contextvars.copy_context()
        if place and place.is_refused:
            self._record("Started")
            return context.run(run.invoke, invocation)  # it fails at once
        call = call_threads().submit(context.run, run.invoke, invocation)
        if place:
            call.add_done_callback(lambda _: place.release())  # also of one that was cancelled while it queued
        future = asyncio.wrap_future(call)
        future.add_done_callback(lambda _: self._begun.set())
        try:
            await self._begun.wait()
            self._record("Started")
            async with asyncio.timeout(self._seconds):
                return await future
        finally:
            future.cancel()  # a call that still queues does not run

    def _begin(self, loop: asyncio.AbstractEventLoop) -> Any:
        return lambda: loop.call_soon_threadsafe(self._begun.set)

    @property
    def _seconds(self) -> int | None:
        return min((limit for limit in (self._timeout, self._heartbeat) if limit is not None), default=None)

    def _timeout_failure(self) -> TaskFailedError:
        """A function sends no heartbeats, so a heartbeat's limit is one of its time."""
        is_heartbeat = self._heartbeat is not None and self._seconds == self._heartbeat
        return TaskFailedError(TIMEOUT, None, HEARTBEAT_TIMEOUT if is_heartbeat else None)
