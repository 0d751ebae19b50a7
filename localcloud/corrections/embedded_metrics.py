"""Metrics in logs: lines in the embedded metric format (EMF) become metrics of CloudWatch.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import functools
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session

from localcloud.corrections import alarms, metric_data

MARK = '"_aws"'
MOST_SETS_OF_KEYS, MOST_KEYS, MOST_METRICS, MOST_VALUES = 100, 30, 100, 100
LONGEST_VALUE = 1024  # characters of a dimension's value
OLDEST, NEWEST = 14 * 24 * 3600, 2 * 3600  # seconds before and after now
VALIDATION_ERRORS = ("AWS/Logs", "EMFValidationErrors")

PutLogEvents = Callable[[dict[str, Any]], Any]
Document = dict[str, Any]


class InvalidDocumentError(Exception):
    """When a line that asks for metrics does not keep to the format."""


@dataclass(frozen=True)
class Datum:
    """The values of one metric with one set of dimensions."""

    namespace: str
    name: str
    unit: str
    dimensions: dict[str, str]
    values: list[float]
    timestamp: float  # seconds since 1970


def extract_metrics(original: PutLogEvents) -> PutLogEvents:
    """Keep the metrics of log events when the events are kept; a function's log comes this way too."""

    def put_log_events(data: dict[str, Any]) -> Any:
        reply = original(data)
        if reply[0] == 200:
            for event in data.get("logEvents", []):
                if MARK in str(event.get("message")):
                    keep(str(event["message"]), str(data.get("logGroupName")))
        return reply

    return put_log_events


def keep(message: str, log_group: str) -> None:
    """Keep the metrics of a log event; what does not keep to the format is counted, as on AWS."""
    try:
        data = list(metrics_of(message))
    except InvalidDocumentError:
        metric_data.record(VALIDATION_ERRORS, [1], "Count", {"LogGroupName": log_group})
        return
    for one in data:
        metric_data.record((one.namespace, one.name), one.values, one.unit, one.dimensions, one.timestamp)
    alarms.judge_alarms_of({(one.namespace, one.name) for one in data})


def metrics_of(message: str) -> Iterator[Datum]:
    """Yield the metrics of a log event, none for one that is no JSON object with `_aws.CloudWatchMetrics`.

    Raises:
        InvalidDocumentError: A member is missing or is not what the format says.
    """
    document = parse(message)
    metadata = document.get("_aws")
    if not isinstance(metadata, dict) or "CloudWatchMetrics" not in metadata:
        return
    timestamp = timestamp_of(metadata)
    for directive in list_of(metadata, "CloudWatchMetrics", MOST_METRICS):
        if not isinstance(directive, dict) or not is_name(directive.get("Namespace")):
            raise InvalidDocumentError("Namespace")
        sets = [dimensions_of(keys, document) for keys in list_of(directive, "Dimensions", MOST_SETS_OF_KEYS)]
        for definition in list_of(directive, "Metrics", MOST_METRICS):
            name, unit, values = read_definition(definition, document)
            yield from (Datum(directive["Namespace"], name, unit, keys, values, timestamp) for keys in sets)


def parse(message: str) -> Document:
    """Return the JSON object of a line, {} when it has none.

    Lambda's loggers put level, time and request before it, each followed by a tab; that makes no difference on AWS.
    """
    prefix, brace, rest = message.partition("{")
    if prefix.strip(" ") and not prefix.endswith("\t"):
        return {}
    try:
        document = json.loads(brace + rest)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def timestamp_of(metadata: dict[str, Any]) -> float:
    """Return the time of the metrics in seconds; CloudWatch takes two weeks of the past and two hours of the future."""
    milliseconds: Any = metadata.get("Timestamp")
    now = time.time()
    if not is_number(milliseconds) or not now - OLDEST <= milliseconds / 1000 <= now + NEWEST:
        raise InvalidDocumentError("Timestamp")
    return float(milliseconds / 1000)


def list_of(holder: dict[str, Any], member: str, most: int) -> list[Any]:
    found = holder.get(member)
    if not isinstance(found, list) or len(found) > most:
        raise InvalidDocumentError(member)
    return found


def dimensions_of(keys: Any, document: Document) -> dict[str, str]:
    """Return the dimensions of a set of keys, whose values are members of the document; a set may be empty."""
    if not isinstance(keys, list) or len(keys) > MOST_KEYS or not all(is_name(document.get(str(key))) for key in keys):
        raise InvalidDocumentError("Dimensions")
    return {key: document[key] for key in keys}


def read_definition(definition: Any, document: Document) -> tuple[str, str, list[float]]:
    """Return name, unit and values of a metric; StorageResolution makes no difference here."""
    name = definition.get("Name") if isinstance(definition, dict) else None
    if not is_name(name) or definition.get("StorageResolution", 60) not in (1, 60):
        raise InvalidDocumentError("Metrics")
    unit, value = definition.get("Unit", "None"), document.get(str(name))
    values: list[Any] = value if isinstance(value, list) else [value]
    if unit not in units() or not 0 < len(values) <= MOST_VALUES or not all(map(is_number, values)):
        raise InvalidDocumentError(str(name))
    return str(name), unit, [float(one) for one in values]


def is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_VALUE


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@functools.cache
def units() -> frozenset[str]:
    """Return CloudWatch's units, from botocore's model."""
    model: Any = botocore.session.get_session().get_service_model("cloudwatch")
    return frozenset(model.shape_for("StandardUnit").enum)


class ExactDimensions(dict[str, str]):
    """The dimensions that a request names: none means the metric without dimensions, so it is true when empty."""

    def __bool__(self) -> bool:
        return True


def find_the_metric_that_is_named(original: Callable[[Any], dict[str, str]]) -> Callable[[Any], dict[str, str]]:
    """Let a request without dimensions find the metric without dimensions; MiniStack adds up those of all."""

    def dims_from_list(dimensions: list[dict[str, str]]) -> dict[str, str]:
        return ExactDimensions(original(dimensions))

    return dims_from_list
