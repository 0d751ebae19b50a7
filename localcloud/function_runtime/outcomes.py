"""How an invocation ended, in AWS's words."""

import json
import math
import signal
from dataclasses import dataclass

from localcloud.function_runtime.runtime_api import Message

RESPONSE_LIMIT = 6 * 1024 * 1024 + 100  # bytes


@dataclass(frozen=True)
class Invocation:
    """One request to run a function."""

    request_id: str
    function_arn: str  # as it was invoked: with the version or alias, if any
    event: bytes  # JSON
    trace_id: str | None  # X-Ray's


@dataclass(frozen=True)
class Answer:
    """What the caller of a function gets."""

    status: str  # success, error or timeout, as in platform.report
    error_type: str  # of the platform (Runtime.*, Function.*, Sandbox.*); "" for an exception of the handler
    payload: bytes  # JSON


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended, and what it used."""

    request_id: str
    status: str  # success, error or timeout, as in platform.report
    payload: bytes  # JSON
    error_type: str  # as in Answer
    output: list[str]  # what the function wrote, one element per event of its log
    duration_ms: float
    init_ms: float | None  # None when the environment was warm
    memory_mb: int  # the most that the process has used

    @property
    def billed_ms(self) -> int:
        """Whole milliseconds; since August 2025 AWS bills the init phase too."""
        return math.ceil(self.duration_ms + (self.init_ms or 0))


def answer(message: Message, request_id: str, timeout: int, exit_code: int) -> Answer:
    """Return what the last message of a process means to the caller.

    Args:
        timeout: Of the function, in seconds.
        exit_code: Of the process, negative for a signal; only read when the process ended without an answer.
    """
    match message.kind:
        case "response" if len(message.payload) <= RESPONSE_LIMIT:
            return Answer("success", "", message.payload)
        case "response":
            sentence = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
            return failure("error", "Function.ResponseSizeTooLarge", sentence)
        case "error":
            return Answer("error", "", message.payload)
        case "init_error":
            return Answer("error", json.loads(message.payload)["errorType"], message.payload)
        case "timeout":
            sentence = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
            return Answer("timeout", "", error_payload("Sandbox.Timedout", sentence))
    error_type = "Runtime.OutOfMemory" if message.kind == "memory" else "Runtime.ExitError"
    return failure("error", error_type, f"RequestId: {request_id} Error: {exit_reason(exit_code)}")


def failure(status: str, error_type: str, sentence: str) -> Answer:
    return Answer(status, error_type, error_payload(error_type, sentence))


def error_payload(error_type: str, sentence: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": sentence}).encode()


def exit_reason(code: int) -> str:
    """Return AWS's sentence for the end of a process that gave no answer."""
    if code == 0:
        return "Runtime exited without providing a reason"
    how = f"exit status {code}" if code > 0 else f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    return f"Runtime exited with error: {how}"
