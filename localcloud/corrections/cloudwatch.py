"""Corrections of MiniStack's CloudWatch. Each is one function that says what AWS does."""

import json
from typing import Any

from ministack.core import iam_actions


def correct() -> None:
    """Apply every correction; called once, before the server starts."""
    name_the_namespace_to_policies()


def name_the_namespace_to_policies() -> None:
    """Give policies the condition key `cloudwatch:namespace`, by which a role may be let put some metrics only.

    AWS has it for PutMetricData ("Using condition keys to limit access to CloudWatch namespaces"). MiniStack has not,
    so that a statement with this condition never allowed anything.
    """
    original = iam_actions.request_tag_context

    def context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = original(service, iam_action, body, params)
        if iam_action == "cloudwatch:PutMetricData":
            found["cloudwatch:namespace"] = namespace(body, params)
        return found

    iam_actions.request_tag_context = context


def namespace(body: bytes, params: dict[str, Any]) -> str:
    """Return the request's Namespace; clients send JSON, older ones a form."""
    if body.startswith(b"{"):
        return str(json.loads(body).get("Namespace", ""))
    return str((params.get("Namespace") or [""])[0])
