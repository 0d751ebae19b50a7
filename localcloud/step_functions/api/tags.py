"""Tags of state machines."""

from typing import Any

from localcloud.sagemaker.errors import ServiceError
from localcloud.step_functions.api import names
from localcloud.step_functions.store import Store

Parameters = dict[str, Any]


def put(store: Store, arn: str, tags: list[dict[str, str]]) -> None:
    if tags:
        store.tags.setdefault(arn, {}).update({tag.get("key", ""): tag.get("value", "") for tag in tags})


def tag(store: Store, params: Parameters) -> Parameters:
    put(store, checked(store, params["resourceArn"]), params["tags"])
    return {}


def untag(store: Store, params: Parameters) -> Parameters:
    tags = store.tags.get(checked(store, params["resourceArn"]), {})
    for key in params["tagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags(store: Store, params: Parameters) -> Parameters:
    tags = store.tags.get(checked(store, params["resourceArn"]), {})
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def checked(store: Store, arn: str) -> str:
    """Return the ARN of a state machine that exists."""
    names.check_arn(arn, names.MACHINE_ARN)
    if arn not in store.machines or not arn.startswith(names.scope()):
        raise ServiceError("ResourceNotFound", f"Resource not found: '{arn}'", resourceName=arn)
    return arn
