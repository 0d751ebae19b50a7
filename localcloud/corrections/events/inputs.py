"""What a rule's target receives: the event, a part of it, a constant, or a template that is filled in."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from ministack.services import eventbridge

Target = dict[str, Any]
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']+)'\]")


class NoMatchError(Exception):
    """When an event has nothing at a path."""


def input_of(target: Target, rule: dict[str, Any], view: Any) -> str:
    """Return what a target receives.

    Args:
        view: MiniStack's view of the event.
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputTransformer" in target:
        return transformed(target["InputTransformer"], rule, view)
    event = view.event_with_detail()
    if "InputPath" in target:
        try:
            event = at_path(event, target["InputPath"])
        except NoMatchError:
            event = None
    return json.dumps(event)


def at_path(event: Any, path: str) -> Any:
    """Return what an event has at a path: `$.detail.object.key`, `$.resources[0]`.

    Raises:
        NoMatchError: Nothing is there.
    """
    found, position = event, 1
    while position < len(path):
        step = STEP.match(path, position)
        if step is None:
            raise NoMatchError(path)
        name, index, quoted = step.groups()
        try:
            found = found[int(index) if index else name or quoted]
        except (LookupError, TypeError):
            raise NoMatchError(path) from None
        position = step.end()
    return found


def transformed(transformer: dict[str, Any], rule: dict[str, Any], view: Any) -> str:
    """Return a template with the event's parts and AWS's own variables filled in."""
    event = view.event_with_detail()
    parts: dict[str, Any] = {}
    for name, path in (transformer.get("InputPathsMap") or {}).items():
        try:
            parts[name] = at_path(event, path)
        except NoMatchError:
            parts[name] = ""
    reserved = {
        "aws.events.event": view.envelope(),
        "aws.events.event.ingestion-time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws.events.event.json": event,
        "aws.events.rule-arn": rule["Arn"],
        "aws.events.rule-name": rule["Name"],
    }
    filled: str = eventbridge._render_input_template(transformer.get("InputTemplate", ""), parts | reserved)
    return filled
