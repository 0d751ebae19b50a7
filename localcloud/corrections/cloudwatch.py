"""Corrections of MiniStack's CloudWatch."""

import json
from collections.abc import Callable
from typing import Any

TagContext = Callable[[str, str, bytes, dict[str, Any]], dict[str, Any]]


def give_the_namespace_to_policies(original: TagContext) -> TagContext:
    """Give policies the condition key `cloudwatch:namespace` of PutMetricData."""

    def context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        found = original(service, iam_action, body, params)
        if iam_action == "cloudwatch:PutMetricData":
            found["cloudwatch:namespace"] = namespace(body, params)
        return found

    return context


def namespace(body: bytes, params: dict[str, Any]) -> str:
    """Return the request's Namespace; clients send JSON, older ones a form."""
    if body.startswith(b"{"):
        return str(json.loads(body).get("Namespace", ""))
    return str((params.get("Namespace") or [""])[0])
