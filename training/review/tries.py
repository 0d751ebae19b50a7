"""Sends a photo of the page through the workflow, and tells what each state did with it."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from training.config import TRY_PREFIX
from training.context import Context

REFUSAL = "ThresholdConfidenceNotMetError"  # what filterInferences raises
SUFFIXES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif", b"RIFF": "webp"}  # by the first bytes
LONGEST_VALUE = 300  # characters of a text that is shown
FAILURES = ("LambdaFunctionFailed", "LambdaFunctionTimedOut", "LambdaFunctionScheduleFailed", "TaskFailed")
ENDS = {"ExecutionSucceeded": "succeeded", "ExecutionFailed": "failed", "ExecutionTimedOut": "timed out"}
ENDS["ExecutionAborted"] = "aborted"

Event = Mapping[str, Any]  # of an execution's history
Told = dict[str, Any]  # what the page shows, as JSON


@dataclass(frozen=True)
class Tries:
    """The photos that are tried."""

    context: Context
    classes: tuple[str, ...]  # in label order

    def start(self, photo: bytes) -> Told:
        """Upload a photo and start the workflow on it; returns what the page asks `describe` with, and the times."""
        stack, clients = self.context.stack, self.context.clients
        name = f"try-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        suffix = next((SUFFIXES[first] for first in SUFFIXES if photo.startswith(first)), "bin")
        key = f"{TRY_PREFIX}/{name}.{suffix}"
        began = datetime.now(UTC)
        clients.s3.put_object(Bucket=stack.bucket, Key=key, Body=photo)
        uploaded = datetime.now(UTC)
        event = {"s3_bucket": stack.bucket, "s3_key": key, "image_data": "", "inferences": []}
        reply = clients.stepfunctions.start_execution(
            stateMachineArn=stack.state_machine_arn, name=name, input=json.dumps(event)
        )
        return {
            "execution": reply["executionArn"].rpartition(":")[2],
            "bucket": stack.bucket,
            "key": key,
            "bytes": len(photo),
            "upload_seconds": (uploaded - began).total_seconds(),
        }

    def describe(self, execution: str) -> Told:
        """Return what an execution has done so far: its states, and what it answers once it has ended.

        Args:
            execution: The name that `start` returned.

        Raises:
            ValueError: It is no name of a try.
        """
        if not execution.startswith("try-") or not execution.replace("-", "").isalnum() or not execution.isascii():
            raise ValueError(f"{execution!r:.60} is no name of a try")
        arn = f"{self.context.stack.state_machine_arn.replace(':stateMachine:', ':execution:')}:{execution}"
        pages = self.context.clients.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        return tell(events, self.classes, self.context.stack.confidence_threshold)


def tell(events: Iterable[Event], classes: tuple[str, ...], threshold: float) -> Told:
    """Return an execution's states and its verdict, from its history, oldest event first."""
    states: list[Told] = []
    status, end = "running", {}
    for event in events:
        kind = event["type"]
        if kind.endswith("StateEntered"):
            states.append(_entered(event))
        elif kind.endswith("StateExited") and states:
            _leave(states[-1], event, "succeeded")
            states[-1]["output"] = shortened(event["stateExitedEventDetails"].get("output", ""))
        elif kind in FAILURES and states:
            states[-1]["errors"].append(_error(event)["error"])
        elif kind in ENDS:
            status, end = ENDS[kind], _error(event)
            if status != "succeeded" and states and states[-1]["status"] == "running":
                _leave(states[-1], event, "failed")
    for state in states:
        state.pop("_entered")
    return {"status": status, "states": states, **end, "verdict": _verdict(status, states, end, classes, threshold)}


def _entered(event: Event) -> Told:
    details = event["stateEnteredEventDetails"]
    return {
        "name": details["name"],
        "status": "running",
        "_entered": event["timestamp"],
        "seconds": None,
        "input": shortened(details.get("input", "")),
        "output": None,
        "errors": [],  # of each attempt that failed
    }


def _leave(state: Told, event: Event, status: str) -> None:
    state["status"] = status
    state["seconds"] = (event["timestamp"] - state["_entered"]).total_seconds()


def _error(event: Event) -> Told:
    """Return error and cause of an event; a function's cause is JSON, of which the message is kept."""
    details: Mapping[str, Any] = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
    cause = str(details.get("cause", ""))
    try:
        cause = str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        pass
    return {"error": str(details.get("error", "")), "cause": cause[:LONGEST_VALUE]}


def _verdict(status: str, states: list[Told], end: Told, classes: tuple[str, ...], threshold: float) -> Told | None:
    """Return what the workflow says of the photo; None while it runs."""
    if status == "running":
        return None
    inferences = next((found for state in reversed(states) if (found := _inferences(state))), None)
    if status != "succeeded" and (end["error"] != REFUSAL or inferences is None):
        return {"kind": "failed", "error": end["error"] or status, "cause": end["cause"]}
    if inferences is None:
        return {"kind": "failed", "error": status, "cause": "The execution has no inferences."}
    names = classes if len(classes) == len(inferences) else [f"class {label}" for label in range(len(inferences))]
    ranked = sorted(zip(names, inferences, strict=True), key=lambda pair: -pair[1])
    return {
        "kind": "accepted" if status == "succeeded" else "refused",
        "class": ranked[0][0],
        "confidence": ranked[0][1],
        "threshold": threshold,
        "probabilities": [{"class": name, "probability": value} for name, value in ranked[:10]],
    }


def _inferences(state: Told) -> list[float] | None:
    """Return the probabilities in the output of a state, or in its input."""
    for document in (state["output"], state["input"]):
        found = document.get("inferences") if isinstance(document, dict) else None
        if isinstance(found, list) and found and all(isinstance(value, int | float) for value in found):
            return found
    return None


def shortened(document: str) -> Any:
    """Return a JSON document with long texts, such as a photo in base64, cut."""
    try:
        return _cut(json.loads(document))
    except ValueError:
        return _cut(document)


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cut(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_cut(item) for item in value[:100]]
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return f"{value[:40]}... ({len(value):,} characters)"
    return value
