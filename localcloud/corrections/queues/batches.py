"""Reads queues for functions: Lambda's event source mappings, with the permissions of the functions' roles.

MiniStack's own thread looks at the mappings, and again when a message arrives. A mapping gathers one batch at a time,
and hands it to as many invocations as ScalingConfig allows. The queue is read and emptied by requests to this cloud, so
IAM judges them, and the queue changes on the thread that serves requests alone.
"""

import base64
import functools
import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import lambda_svc, sqs

from localcloud import identity
from localcloud.corrections import function_concurrency
from localcloud.corrections.queues import saved
from localcloud.corrections.queues.mappings import MOST_AT_ONCE, is_queue

BATCHES_AT_ONCE = 5  # where ScalingConfig says nothing; on AWS they grow with the queue
MOST_BYTES = 6 * 1024 * 1024  # of an invocation's event
PAUSE_SECONDS = 5.0  # after a queue could not be read
WAIT_SECONDS = 0.2  # between two looks at the queue while a window is open

logger = logging.getLogger(__name__)

Mapping = dict[str, Any]
Message = dict[str, Any]
_gathering: set[str] = set()  # UUIDs of mappings; changed under the lock
_lock = threading.Lock()


def poll_as_the_role(original: Callable[[], bool]) -> Callable[[], bool]:
    """Start a batch for each mapping whose queue has messages that are visible."""

    def poll_sqs() -> bool:
        for account, region, mapping in lambda_svc._iter_all_esms():
            if is_queue(mapping.get("EventSourceArn")):
                with identity.request_scope(account, region):
                    if is_ready(mapping):
                        lambda_svc._dispatch_esm_batch(mapping["UUID"], work, mapping)
        return False  # the thread waits for the next message or the end of a batch

    return poll_sqs


def is_ready(mapping: Mapping) -> bool:
    """Tell whether a mapping is to gather a batch now, and keep others from doing so until it has."""
    identifier, queue = mapping["UUID"], sqs._queue_by_arn(mapping["EventSourceArn"])
    if isinstance(queue, saved.Queue):
        queue.release_interrupted()
    is_enabled = str(mapping.get("Enabled", True)).lower() == "true"  # a stack's value may be text
    if not is_enabled or queue is None or not has_visible(queue):
        return False
    if lambda_svc._esm_backoff_until.get(identifier, 0) > time.time():
        return False
    if lambda_svc._esm_inflight.get(identifier, 0) >= most_batches(mapping):
        return False
    with _lock:
        if identifier in _gathering:
            return False
        _gathering.add(identifier)
    return True


def has_visible(queue: dict[str, Any]) -> bool:
    now = time.time()
    return any(message["visible_at"] <= now for message in list(queue["messages"]))


def most_batches(mapping: Mapping) -> int:
    """Return how many batches of a mapping may be under way; those of a FIFO queue keep their order."""
    if mapping["EventSourceArn"].endswith(".fifo"):
        return 1
    return int((mapping.get("ScalingConfig") or {}).get("MaximumConcurrency") or BATCHES_AT_ONCE)


def work(mapping: Mapping) -> None:
    """Gather a batch, invoke the function with it, and delete what it has processed."""
    function, config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    try:
        client, messages = gather_alone(mapping, config)
        if messages:
            done = process(mapping, lambda_svc._execution_record_for_config(function, config), messages)
            delete(client, url_of(mapping), done)
    except (BotoCoreError, ClientError) as err:
        mapping["LastProcessingResult"] = f"PROBLEM: {err}"
        logger.warning("%s cannot read %s: %s", mapping["FunctionArn"], mapping["EventSourceArn"], err)
        lambda_svc._esm_backoff_until[mapping["UUID"]] = time.time() + PAUSE_SECONDS


def gather_alone(mapping: Mapping, config: dict[str, Any] | None) -> tuple[Any, list[Message]]:
    """Return a client and a batch, and let the mapping gather the next one.

    Raises:
        ClientError: The role may not receive messages, or there is no queue any more.
    """
    try:
        if config is None:
            return None, []
        client = client_of(config["Role"], config["FunctionName"], identity.region())
        return client, gather(client, url_of(mapping), mapping)
    finally:
        with _lock:
            _gathering.discard(mapping["UUID"])
        lambda_svc._esm_wake.set()


def url_of(mapping: Mapping) -> str:
    return str(sqs._queue_url(mapping["EventSourceArn"].rpartition(":")[2]))


@functools.lru_cache(maxsize=64)
def client_of(role_arn: str, function_name: str, region: str) -> Any:
    """Return a client of SQS with the permissions of a function's role; AWS_ENDPOINT_URL points it at this cloud."""
    assumed = identity.assume_role(role_arn, function_name)
    keys = (assumed.access_key_id, assumed.secret_access_key, assumed.token)
    session: Any = boto3.Session(*keys, region_name=region)
    return session.client("sqs", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=BATCHES_AT_ONCE))


def gather(client: Any, url: str, mapping: Mapping) -> list[Message]:
    """Return messages until the batch is full, or its window is over; without a window what there is now.

    Raises:
        ClientError: The role may not receive messages, or there is no queue any more.
    """
    size, window = int(mapping.get("BatchSize") or 10), int(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    end, found = time.monotonic() + window, list[Message]()
    while True:
        wanted = min(MOST_AT_ONCE, size - len(found))
        answer = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=wanted,
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        received = answer.get("Messages", [])
        found += received
        full = len(found) >= size or sum(len(one["Body"]) for one in found) >= MOST_BYTES - 2**20
        if full or time.monotonic() >= end:
            return found
        if len(received) < wanted:
            time.sleep(min(WAIT_SECONDS, max(0.0, end - time.monotonic())))


def process(mapping: Mapping, function: dict[str, Any], messages: list[Message]) -> list[Message]:
    """Invoke the function; returns the messages that are to be deleted, filtered ones among them."""
    records = {message["MessageId"]: record_of(message, mapping) for message in messages}
    kept = lambda_svc._apply_filter_criteria(list(records.values()), mapping)
    identifiers = {record["messageId"] for record in kept}
    filtered = [message for message in messages if message["MessageId"] not in identifiers]
    if not kept:
        return filtered
    token = function_concurrency.beside_the_queue.set(True)
    try:
        result = lambda_svc._execute_function(function, {"Records": kept})
    finally:
        function_concurrency.beside_the_queue.reset(token)
    failed = identifiers if result.get("error") or result.get("throttle") else failed_of(mapping, result, identifiers)
    mapping["LastProcessingResult"] = "OK" if not failed else "PROBLEM: Function call failed"
    return [message for message in messages if message["MessageId"] not in failed]


def failed_of(mapping: Mapping, result: dict[str, Any], identifiers: set[str]) -> set[str]:
    """Return the messages that the function reports as failed; a malformed report means all."""
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return set()
    body = result.get("body")
    try:
        answer = json.loads(body) if isinstance(body, str | bytes) else body
        items = (answer or {}).get("batchItemFailures") or []
        failed = {item["itemIdentifier"] for item in items}
    except (ValueError, TypeError, LookupError, AttributeError):
        return identifiers
    return failed if failed <= identifiers else identifiers


def record_of(message: Message, mapping: Mapping) -> dict[str, Any]:
    """Return a message as a function gets it."""
    attributes = {name: attribute_of(one) for name, one in message.get("MessageAttributes", {}).items()}
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping["EventSourceArn"],
        "awsRegion": identity.region(),
    }
    return record | ({"md5OfMessageAttributes": message["MD5OfMessageAttributes"]} if attributes else {})


def attribute_of(attribute: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": attribute["DataType"]}
    if "BinaryValue" in attribute:
        return {"binaryValue": base64.b64encode(attribute["BinaryValue"]).decode(), **values}
    return {"stringValue": attribute.get("StringValue", ""), **values}


def delete(client: Any, url: str, messages: list[Message]) -> None:
    """Delete messages, ten at a time.

    Raises:
        ClientError: The role may not delete messages.
    """
    for start in range(0, len(messages), MOST_AT_ONCE):
        some = messages[start : start + MOST_AT_ONCE]
        entries = [{"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in enumerate(some)]
        client.delete_message_batch(QueueUrl=url, Entries=entries)
