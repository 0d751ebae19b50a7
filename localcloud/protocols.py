"""How a request names its action: in the one way of its service's protocol.

MiniStack's IAM looks for an action in the query, in a form, in X-Amz-Target and in the path; its services look again,
in an order of their own. A request that names two would be judged by one of them and do the other.
"""

import re

FORM = "application/x-www-form-urlencoded"
FORM_SERVICES = {"cloudformation", "iam", "monitoring", "sns", "sts"}
# What X-Amz-Target begins with. CloudWatch's newer clients send JSON, its older ones forms.
TARGETS = {
    "cloudcontrolapi": "CloudApiService",
    "events": "AWSEvents",
    "logs": "Logs_20140328",
    "monitoring": "GraniteServiceVersion20100801",
    "sqs": "AmazonSQS",
    "states": "AWSStepFunctions",
}
# The others name their action by method and path, where MiniStack also reads these.
MISLEADING_HEADERS = {
    "s3": ("x-amz-target",),
    "scheduler": ("x-amz-target",),
    "lambda": ("x-amz-target", "x-amz-qualifier"),
}


class ProtocolError(Exception):
    """When a request names its action in another way than its service reads it."""


def check(service: str, method: str, query: dict[str, list[str]], headers: dict[str, str]) -> None:
    """Raise a ProtocolError for a request whose action two readers could read differently.

    SageMaker is not asked: its requests have one reader.
    """
    if service in MISLEADING_HEADERS:
        check_path_service(service, query, headers)
    elif service in FORM_SERVICES | TARGETS.keys():
        check_action_service(service, method, query, headers)


def check_text(service: str, body: bytes) -> None:
    """Raise a ProtocolError for JSON that is not UTF-8, on which Python's reader fails."""
    if service not in TARGETS:
        return
    try:
        body.decode()
    except UnicodeDecodeError as err:
        raise ProtocolError(f"The body is not UTF-8: {err}.") from err


def check_path_service(service: str, query: dict[str, list[str]], headers: dict[str, str]) -> None:
    found = [name for name in MISLEADING_HEADERS[service] if name in headers]
    if found or "Action" in query:
        raise ProtocolError(f"{service} takes no {found[0] if found else 'Action in a query'}.")


def check_action_service(service: str, method: str, query: dict[str, list[str]], headers: dict[str, str]) -> None:
    if method != "POST" or query:
        raise ProtocolError(f"{service} takes POST without a query.")
    content_type, target = headers.get("content-type", "").partition(";")[0], headers.get("x-amz-target")
    is_form = service in FORM_SERVICES and content_type == FORM and target is None
    prefix = TARGETS.get(service)
    is_json = prefix is not None and re.fullmatch(rf"{prefix}\.\w+", target or "", re.ASCII) is not None
    if not is_form and not (is_json and re.fullmatch(r"application/(x-amz-)?json(-1\.[01])?", content_type)):
        ways = [f"a form ({FORM})"] * (service in FORM_SERVICES) + [f"JSON with X-Amz-Target: {prefix}"] * bool(prefix)
        raise ProtocolError(f"{service} takes {' or '.join(ways)}.")
