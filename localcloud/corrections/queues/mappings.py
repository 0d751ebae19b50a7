"""Which event source mappings of queues Lambda takes."""

from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc, sqs

from localcloud import identity
from localcloud.identity import Permission

Mapping = dict[str, Any]
ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")  # that the function's role needs on the queue
UNEMULATED = ("DestinationConfig", "KMSKeyArn", "LoggingConfig", "MetricsConfig", "ProvisionedPollerConfig")
MOST_AT_ONCE = 10  # messages of a batch without a window
INVALID, CONFLICT = "InvalidParameterValueException", "ResourceConflictException"

Problem = tuple[int, str, str]  # HTTP status, code, message


class RefusedMappingError(Exception):
    """When a stack creates a mapping that is refused; the message is the status reason."""


def create_mapping(original: Callable[[Mapping], Any]) -> Callable[[Mapping], Any]:
    """Judge a mapping before MiniStack keeps it."""

    def create(data: Mapping) -> Any:
        for status, code, sentence in problems(data):
            return error_response_json(code, sentence, status)
        return original(data)

    return create


def create_mapping_of_stack(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(logical_id: str, props: Mapping, stack_name: str) -> Any:
        for status, _, sentence in problems(props):
            raise RefusedMappingError(f"{sentence} (Service: Lambda, Status Code: {status})")
        return original(logical_id, props, stack_name)

    return create


def update_mapping(original: Callable[[str, Mapping], Any]) -> Callable[[str, Mapping], Any]:
    """Judge the sizes of a batch as they will be."""

    def update(esm_id: str, data: Mapping) -> Any:
        kept = lambda_svc._esms.get(esm_id) or {}
        if is_queue(kept.get("EventSourceArn")):
            for status, code, sentence in [*unemulated(data), *batch_problems({**kept, **data})]:
                return error_response_json(code, sentence, status)
        return original(esm_id, data)

    return update


def is_queue(source_arn: object) -> bool:
    return str(source_arn).startswith("arn:aws:sqs:")


def problems(data: Mapping) -> Iterator[Problem]:
    """Yield why a mapping is refused, nothing for one of another service; MiniStack says that a function is missing."""
    source = data.get("EventSourceArn")
    function, config, _ = lambda_svc._get_func_record_for_ref(str(data.get("FunctionName")))
    if not is_queue(source) or not function or not config:
        return
    yield from unemulated(data)
    yield from batch_problems(data)
    yield from queue_problems(str(source), config)
    for mapping in lambda_svc._esms.values():
        if (mapping["EventSourceArn"], mapping["FunctionArn"]) == (source, config["FunctionArn"]):
            yield (
                409,
                CONFLICT,
                f'The event source arn (" {source} ") and function (" {config["FunctionName"]} ") provided mapping '
                f"already exists. Please update or delete the existing mapping with UUID {mapping['UUID']}",
            )


def unemulated(data: Mapping) -> Iterator[Problem]:
    for name in UNEMULATED:
        if data.get(name):
            yield 400, INVALID, f"The local cloud does not emulate {name} of an event source mapping of a queue."


def batch_problems(data: Mapping) -> Iterator[Problem]:
    size, window = int(data.get("BatchSize") or 10), int(data.get("MaximumBatchingWindowInSeconds") or 0)
    if size > MOST_AT_ONCE and not window:
        sentence = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        yield 400, INVALID, sentence


def queue_problems(queue_arn: str, config: Mapping) -> Iterator[Problem]:
    """Yield why Lambda cannot read a queue for a function."""
    session = identity.assume_role(config["Role"], config["FunctionName"])
    for action in ACTIONS:
        if identity.denial(session.access_key_id, Permission(f"sqs:{action}", queue_arn)):
            sentence = f"The provided execution role does not have permissions to call {action} on SQS"
            yield 400, INVALID, sentence
    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        error = "SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does "
        yield 400, INVALID, f"Error occurred while ReceiveMessage. {error}not exist."
        return
    visibility, timeout = int(queue["attributes"]["VisibilityTimeout"]), int(config.get("Timeout") or 3)
    if visibility < timeout:
        sentence = f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
        yield 400, INVALID, sentence
