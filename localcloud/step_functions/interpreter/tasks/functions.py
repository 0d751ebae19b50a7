"""The two ways in which a Task state calls a function: by its ARN, or as lambda:invoke."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from localcloud.step_functions.expressions import ExpressionError
from localcloud.step_functions.interpreter.branch import Answer
from localcloud.step_functions.interpreter.documents import Document, to_json
from localcloud.step_functions.interpreter.failures import RUNTIME, TaskFailedError

INVOKE = "arn:aws:states:::lambda:invoke"
UNKNOWN_ERROR = "The cause could not be determined because Lambda did not return an error type. Returned payload: "
TRUNCATED = {"truncated": False}


@dataclass(frozen=True)
class Call:
    """What a Task state calls, and how the events of its history tell it."""

    function: str  # name or ARN, with the version or alias, if any
    payload: bytes  # JSON
    name: str  # by which AWS calls a task whose result is too large
    events: str  # LambdaFunction or Task: what the types of its events begin with
    scheduled: Mapping[str, Any]  # details of the event of that name
    details: Mapping[str, Any]  # of each later event

    def result(self, answer: Answer) -> Document:
        """Return what the state gets of a function's answer: its text as it is, or all that Invoke answers."""
        if self.events == "LambdaFunction":
            return payload_document(answer.payload)
        return Document(invoke_response(answer))

    def failure(self, answer: Answer) -> TaskFailedError:
        """Return how the task fails by a function's error: its cause is what the function answered."""
        document = payload_document(answer.payload)
        error = document.value.get("errorType") if isinstance(document.value, dict) else None
        text = document.text if self.events == "LambdaFunction" else to_json(document.value)
        return TaskFailedError(error, text) if error else TaskFailedError("Lambda.Unknown", UNKNOWN_ERROR + text)


def call_of(resource: str, arguments: Document, region: str) -> Call:
    """Return what a Task state calls.

    Raises:
        ExpressionError: The local cloud does not emulate the resource, or the arguments name no function.
    """
    if resource == INVOKE:
        return invocation(arguments, region)
    if ":lambda:" in resource and ":function:" in resource:
        scheduled = {"resource": resource, "input": arguments.text, "inputDetails": TRUNCATED}
        payload = arguments.text.encode(errors="surrogatepass")
        return Call(resource, payload, resource, "LambdaFunction", scheduled, {})
    raise ExpressionError(RUNTIME, f"The local cloud does not emulate {resource} as a task.")


def invocation(arguments: Document, region: str) -> Call:
    """Return the call of lambda:invoke."""
    given = arguments.value
    name = given.get("FunctionName") if isinstance(given, dict) else None
    if not isinstance(name, str):
        raise ExpressionError(RUNTIME, "The field 'FunctionName' is required but was missing")
    if given.get("InvocationType", "RequestResponse") != "RequestResponse":
        sentence = f"The local cloud does not emulate lambda:invoke with InvocationType {given['InvocationType']}."
        raise ExpressionError(RUNTIME, sentence)
    qualifier = given.get("Qualifier")
    function = f"{name}:{qualifier}" if qualifier else name
    details = {"resourceType": "lambda", "resource": "invoke"}
    scheduled = {**details, "region": region, "parameters": arguments.text}
    return Call(function, payload_bytes(given.get("Payload")), "lambda", "Task", scheduled, details)


def payload_bytes(payload: Any) -> bytes:
    """Return what the function is sent: the text of a string that holds JSON is sent as it is."""
    if payload is None:
        return b"{}"
    if isinstance(payload, str):
        try:
            json.loads(payload)
        except ValueError:
            return to_json(payload).encode()
        return payload.encode()
    return to_json(payload).encode()


def payload_document(payload: bytes) -> Document:
    """Return what a function answered: JSON, or a string where it is none."""
    text = payload.decode(errors="surrogatepass")
    try:
        return Document.parse(text)
    except ValueError:
        return Document(text)


def invoke_response(answer: Answer) -> dict[str, Any]:
    """Return what lambda:invoke answers, with the headers that AWS's client tells of."""
    headers = {
        "X-Amz-Executed-Version": answer.executed_version,
        "x-amzn-Remapped-Content-Length": "0",
        "Connection": "keep-alive",
        "x-amzn-RequestId": answer.request_id,
        "Content-Length": str(len(answer.payload)),
        "Date": format_datetime(datetime.now(UTC), usegmt=True),
        "X-Amzn-Trace-Id": trace_id(),
        "Content-Type": "application/json",
    }
    return {
        "ExecutedVersion": answer.executed_version,
        "Payload": payload_document(answer.payload).value,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": answer.request_id},
        "StatusCode": 200,
    }


def trace_id() -> str:
    """Return a trace of X-Ray that is not sampled."""
    random, seconds = uuid.uuid4().hex, int(datetime.now(UTC).timestamp())
    return f"root=1-{seconds:08x}-{random[:24]};parent={random[16:]};sampled=0"
