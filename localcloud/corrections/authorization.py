"""What MiniStack's IAM judges a request by: the action that the request does, and the resource on which it does it."""

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.session
from ministack.core import iam_actions

Parameters = dict[str, Any]

# Lambda's operations whose permission has another name, as in the Service Authorization Reference.
ACTIONS = {
    "GetLayerVersionByArn": "GetLayerVersion",
    "Invoke": "InvokeFunction",
    "InvokeWithResponseStream": "InvokeFunction",
}
OF_A_LOG_STREAM = (".DeleteLogStream", ".GetLogEvents", ".PutLogEvents")  # other operations are on its group
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
            if method == "POST" and "delete" in query and first_version(body):
                found = "s3:DeleteObjectVersion"  # MiniStack asks for it from the second object on
        elif service == "sqs":
            found = (original(service, method, path, headers, body, query) or "").removesuffix("Batch")
        else:
            found = original(service, method, path, headers, body, query)
        return found or f"{service}:Unknown"

    return action


def first_version(body: bytes) -> str:
    """Return the version of the first object that DeleteObjects names, "" when it names none."""
    targets = iam_actions._s3_batch_delete_targets("any", body)
    return str(targets[0][1]) if targets else ""


def judge_by_the_query(original: Callable[..., Parameters]) -> Callable[..., Parameters]:
    """Take no parameters from a body that is an object or an event: the services that read forms have the path `/`."""

    def parameters(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: Parameters
    ) -> Parameters:
        return original(method, path, headers, body, query_params) if path == "/" else query_params

    return parameters


def judge_by_the_resource(original: Callable[..., str]) -> Callable[..., str]:
    """Judge a request by the resource on which it does what it does.

    That is in Lambda the ARN with its qualifier, in S3 the whole key, in CloudWatch Logs the stream, in a simulation of
    IAM its subject, in EventBridge the rule without the name of the default bus, in Step Functions the version,
    alias or Map Run, and in CloudWatch's DeleteAlarms an alarm; several alarms take a permission on all.
    """

    @functools.wraps(original)
    def resource_arn(*request: Any) -> str:
        service, method, path, headers, body, query, region, account_id = request
        found = original(*request)
        if service == "s3" and s3_key(path):
            return f"arn:aws:s3:::{path.lstrip('/')}"
        if service == "events" and (rule := member(body, "Rule") or member(body, "Name")):
            bus = str(member(body, "EventBusName") or "default").rpartition("/")[2]
            in_bus = rule if bus == "default" else f"{bus}/{rule}"
            return f"arn:aws:events:{region}:{account_id}:rule/{in_bus}"
        if service == "sqs" and (source := member(body, "SourceArn")):  # of moves of messages
            return str(source)
        if service == "states":
            return version_or_alias(body) or found
        if service == "iam" and "PolicySourceArn" in query:
            return str(query["PolicySourceArn"][0])
        if service == "logs" and headers.get("x-amz-target", "").endswith(OF_A_LOG_STREAM):
            return f"{found}:log-stream:{member(body, 'logStreamName')}"
        if service == "monitoring" and headers.get("x-amz-target", "").endswith(".DeleteAlarms"):
            alarms = member(body, "AlarmNames")
            return f"arn:aws:cloudwatch:{region}:{account_id}:alarm:{alarms[0]}" if len(alarms) == 1 else found
        operation = lambda_operation(method, path) if service == "lambda" else None
        if operation and operation.name == "CreateFunction":
            return f"arn:aws:lambda:{region}:{account_id}:function:{member(body, 'FunctionName')}"
        return with_qualifier(found, operation, query) if service == "lambda" else found

    return resource_arn


def version_or_alias(body: bytes) -> str:
    """Return the ARN of the version, alias, Map Run or tagged resource in a request to Step Functions, "" if none."""
    for name in ("stateMachineVersionArn", "stateMachineAliasArn", "mapRunArn", "resourceArn"):
        if arn := member(body, name):
            return str(arn)
    routes = member(body, "routingConfiguration")
    if isinstance(routes, list) and routes and isinstance(routes[0], dict):  # of an alias that is created
        version = str(routes[0].get("stateMachineVersionArn"))
        return f"{version.rpartition(':')[0]}:{member(body, 'name')}"
    return ""


def s3_key(path: str) -> str:
    return path.lstrip("/").partition("/")[2]


def member(body: bytes, name: str) -> Any:
    """Return a member of a request that AWS refuses without it; "" where it is missing."""
    try:
        return json.loads(body)[name]
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
