"""Filters, order and pages of the List calls."""

import base64
from typing import Any

from localcloud.sagemaker.errors import invalid
from localcloud.sagemaker.store import Resource

PAGE = 10  # results in a page when MaxResults is not given, as on AWS

SUMMARY_FIELDS = ("Arn", "Name", "Status")
COMMON_FIELDS = ("CreationTime", "LastModifiedTime", "TrainingEndTime", "ProcessingEndTime", "SecondaryStatus")


def list_resources(resources: list[Resource], params: dict[str, Any], prefix: str, member: str) -> dict[str, Any]:
    """Return one page of summaries.

    Args:
        prefix: What the resource's own members start with: `Endpoint` in EndpointName, EndpointArn, EndpointStatus.
        member: The name of the list in the reply.
    """
    found = [one for one in resources if matches(one, params, prefix)]
    key = {"Name": f"{prefix}Name", "Status": f"{prefix}Status"}.get(params.get("SortBy", ""), "CreationTime")
    found.sort(key=lambda one: one[key], reverse=params.get("SortOrder", "Descending") == "Descending")
    return page([summary(one, prefix) for one in found], params, member)


def page(items: list[Any], params: dict[str, Any], member: str) -> dict[str, Any]:
    """Return the items after NextToken, MaxResults of them, and the token of the next page when there is one."""
    start = decode_token(params.get("NextToken"))
    end = start + params.get("MaxResults", PAGE)
    reply: dict[str, Any] = {member: items[start:end]}
    if end < len(items):
        reply["NextToken"] = base64.b64encode(str(end).encode()).decode()
    return reply


def matches(resource: Resource, params: dict[str, Any], prefix: str) -> bool:
    if params.get("NameContains", "").lower() not in resource[f"{prefix}Name"].lower():
        return False
    if params.get("StatusEquals") not in (None, resource.get(f"{prefix}Status")):
        return False
    return all(
        params.get(f"{time}After", 0) < resource[time] < params.get(f"{time}Before", float("inf"))
        for time in ("CreationTime", "LastModifiedTime")
        if time in resource
    )


def summary(resource: Resource, prefix: str) -> Resource:
    names = [f"{prefix}{field}" for field in SUMMARY_FIELDS] + list(COMMON_FIELDS)
    return {name: resource[name] for name in names if name in resource}


def decode_token(token: str | None) -> int:
    try:
        return int(base64.b64decode(token)) if token else 0
    except ValueError:
        raise invalid("Invalid pagination token.") from None
