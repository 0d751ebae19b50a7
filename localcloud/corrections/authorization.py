"""What MiniStack's IAM judges a request by: the action that the request does, and the resource on which it does it."""

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.session

Parameters = dict[str, Any]

# Lambda's operations whose permission has another name, as in the Service Authorization Reference.
ACTIONS = {
    "GetLayerVersionByArn": "GetLayerVersion",
    "Invoke": "InvokeFunction",
    "InvokeWithResponseStream": "InvokeFunction",
}
FUNCTION = re.compile("(arn:aws:lambda:[^:]*:[^:]*:function:[^:]+)(?::(.+))?")  # the second group is the qualifier


@dataclass(frozen=True)
class Operation:
    """An operation of Lambda, by the request that does it."""

    name: str
    method: str
    path: re.Pattern[str]
    takes_qualifier: bool  # in the query; to other operations the qualifier in a function's name means nothing


def judge_by_the_action_done(original: Callable[..., str | None]) -> Callable[..., str | None]:
    """Judge each request by the action that it does, and by `Unknown` when it does none: MiniStack lets that pass."""

    @functools.wraps(original)
    def action(*request: Any) -> str:
        service, method, path, headers, body, query = request
        if service == "lambda":
            operation = lambda_operation(method, path)
            found = operation and f"lambda:{ACTIONS.get(operation.name, operation.name)}"
        elif service == "s3":  # an object may look like a form, and its key may begin or end with a slash
            found = original(service, method, "/bucket/key" if s3_key(path) else path, {}, b"", query)
        else:
            found = original(service, method, path, headers, body, query)
        return found or f"{service}:Unknown"

    return action


def judge_by_the_query(original: Callable[..., Parameters]) -> Callable[..., Parameters]:
    """Take no parameters from a body that is an object or an event: the services that read forms have the path `/`."""

    def parameters(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: Parameters
    ) -> Parameters:
        return original(method, path, headers, body, query_params) if path == "/" else query_params

    return parameters


def judge_by_the_resource(original: Callable[..., str]) -> Callable[..., str]:
    """Judge a request to Lambda by the ARN with its qualifier, and one to S3 by the whole key."""

    @functools.wraps(original)
    def resource_arn(*request: Any) -> str:
        service, method, path, _, body, query, region, account_id = request
        found = original(*request)
        if service == "s3" and s3_key(path):
            return f"arn:aws:s3:::{path.lstrip('/')}"
        operation = lambda_operation(method, path) if service == "lambda" else None
        if operation and operation.name == "CreateFunction":
            return f"arn:aws:lambda:{region}:{account_id}:function:{name_in(body)}"
        return with_qualifier(found, operation, query) if service == "lambda" else found

    return resource_arn


def s3_key(path: str) -> str:
    return path.lstrip("/").partition("/")[2]


def name_in(body: bytes) -> str:
    """Return the FunctionName of a request; Lambda refuses one without."""
    try:
        return str(json.loads(body)["FunctionName"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def with_qualifier(arn: str, operation: Operation | None, query: Parameters) -> str:
    """Return the ARN of the function, version or alias on which an operation of Lambda is done."""
    function = FUNCTION.fullmatch(arn)
    if operation is None or function is None:
        return arn
    unqualified, in_name = function.groups()
    qualifier = in_name or (query.get("Qualifier") or [""])[0]
    return f"{unqualified}:{qualifier}" if qualifier and operation.takes_qualifier else unqualified


def lambda_operation(method: str, path: str) -> Operation | None:
    """Return the operation that a request does, None for one that does none.

    MiniStack decodes the path a second time, so no part of it may hold a `%`.
    """
    return next((one for one in lambda_operations() if one.method == method and one.path.fullmatch(path)), None)


@functools.cache
def lambda_operations() -> tuple[Operation, ...]:
    """Return Lambda's operations, from botocore's model."""
    model: Any = botocore.session.get_session().get_service_model("lambda")
    return tuple(read_operation(model.operation_model(name)) for name in model.operation_names)


def read_operation(model: Any) -> Operation:
    segments = model.http["requestUri"].partition("?")[0].strip("/").split("/")
    path = "".join("/[^/%]+" if segment.startswith("{") else f"/{re.escape(segment)}" for segment in segments)
    members = model.input_shape.members if model.input_shape else {}
    qualifier = members["Qualifier"].serialization if "Qualifier" in members else {}
    takes_qualifier = qualifier.get("location") == "querystring"
    return Operation(model.name, model.http["method"], re.compile(f"{path}/?"), takes_qualifier)
