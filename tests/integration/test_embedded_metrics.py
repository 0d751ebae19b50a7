"""Log lines in the embedded metric format (EMF) become metrics."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest

from tests.integration.support.functions import create_function
from tests.integration.support.iam import WRITE_LOGS, create_role
from tests.integration.support.waiting import wait_for

GROUP = f"it-{uuid4().hex[:8]}"
STREAM = "lines"
CODE = """
import json, logging, time

logger = logging.getLogger()
logger.setLevel("INFO")

def lambda_handler(event, context):
    metrics = [{"Name": "Confidence", "Unit": "None"}]
    directive = {"Namespace": event["namespace"], "Dimensions": [["Stage"]], "Metrics": metrics}
    aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    members = {"_aws": aws, "Stage": "test", "Confidence": 0.97}
    if event["logger"]:
        logger.info("filtered", extra=members)
    else:
        print(json.dumps(members))
"""
EMF = "embedded metric format (EMF): log lines become metrics"


@pytest.fixture(scope="module")
def role(aws: dict[str, str]) -> str:
    return create_role(f"{GROUP}-role", "lambda", WRITE_LOGS)


@pytest.fixture(scope="module")
def group(aws: dict[str, str]) -> Iterator[str]:
    """Yield the name of a log group that has the stream STREAM."""
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    yield GROUP
    logs.delete_log_group(logGroupName=GROUP)


@pytest.fixture
def namespace() -> str:
    return f"it/{uuid4().hex[:8]}"


def document(namespace: str, *sets: list[str], **members: Any) -> dict[str, Any]:
    """Return a document with the metric m = 1, whose unit is Count, and these sets of dimensions."""
    directive = {"Namespace": namespace, "Dimensions": list(sets), "Metrics": [{"Name": "m", "Unit": "Count"}]}
    aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return {"_aws": aws, "Part": "one", "Side": "left", "m": 1, **members}


def put(group: str, *messages: str) -> None:
    """Write log events."""
    events: Any = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
    boto3.client("logs").put_log_events(logGroupName=group, logStreamName=STREAM, logEvents=events)


def points(namespace: str, metric: str, statistic: str = "Sum", **dimensions: str) -> list[Any]:
    """Return the values of a metric's statistic in the last minutes, by the minute."""
    stat = {
        "Metric": {
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        },
        "Period": 60,
        "Stat": statistic,
    }
    queries: Any = [{"Id": "q", "MetricStat": stat}]
    now = datetime.now(UTC)
    (found,) = boto3.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=now - timedelta(minutes=10), EndTime=now + timedelta(minutes=2)
    )["MetricDataResults"]
    return list(found["Values"])


@pytest.mark.aws("CloudWatch", EMF, "approximate", "at once, on AWS within a minute or so")
@pytest.mark.parametrize(("log_format", "logger"), [("Text", False), ("JSON", False), ("JSON", True)])
def test_what_a_function_logs_becomes_a_metric(role: str, namespace: str, log_format: str, logger: bool) -> None:
    name = f"{GROUP}-{uuid4().hex[:8]}"
    create_function(name, role, CODE, LoggingConfig={"LogFormat": log_format})
    event = {"namespace": namespace, "logger": logger}
    answer = boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    assert "FunctionError" not in answer
    found = wait_for(lambda: points(namespace, "Confidence", "Average", Stage="test"), seconds=60)
    assert found == [0.97]


@pytest.mark.correction(name="metric-dimensions")
@pytest.mark.aws("CloudWatch", "each set of dimensions is a metric of its own, also the empty one", "exact")
def test_each_set_of_dimensions_is_a_metric(group: str, namespace: str) -> None:
    put(group, json.dumps(document(namespace, [], ["Part"], ["Part", "Side"])))
    keys: list[dict[str, str]] = [{}, {"Part": "one"}, {"Part": "one", "Side": "left"}]
    assert [points(namespace, "m", **dimensions) for dimensions in keys] == [[1.0]] * 3
    assert points(namespace, "m", Side="left") == []


@pytest.mark.correction(name="embedded-metrics")
@pytest.mark.aws("CloudWatch", "EMF: arrays of values, units and high resolution", "exact")
def test_a_metric_may_have_several_values(group: str, namespace: str) -> None:
    line = document(namespace, ["Part"], m=[1, 2.5, 4])
    line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["StorageResolution"] = 1
    put(group, json.dumps(line))
    statistics = [points(namespace, "m", name, Part="one") for name in ("SampleCount", "Sum", "Maximum", "p50")]
    assert statistics == [[3.0], [7.5], [4.0], [2.5]]
    now = datetime.now(UTC)
    (point,) = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName="m",
        Dimensions=[{"Name": "Part", "Value": "one"}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=2),
        Period=3600,
        Statistics=["Average"],
    )["Datapoints"]
    assert (point["Unit"], point["Average"]) == ("Count", 2.5)


def malformed(namespace: str) -> dict[str, Any]:
    """Return documents that CloudWatch takes for logs only, by what is wrong with them."""
    good = document(namespace, ["Part"])
    directive = good["_aws"]["CloudWatchMetrics"][0]

    def changed(**changes: Any) -> dict[str, Any]:
        return {**good, "_aws": {**good["_aws"], "CloudWatchMetrics": [{**directive, **changes}]}}

    return {
        "a value that is no number": {**good, "m": "1"},
        "no value": {name: value for name, value in good.items() if name != "m"},
        "no dimension": changed(Dimensions=[["None"]]),
        "a dimension that is a number": {**good, "Part": 1},
        "no such unit": changed(Metrics=[{"Name": "m", "Unit": "Photos"}]),
        "no namespace": changed(Namespace=None),
        "too many values": {**good, "m": [1] * 101},
        "a time of long ago": {**good, "_aws": {**good["_aws"], "Timestamp": 1}},
        "no time": {**good, "_aws": {"CloudWatchMetrics": [directive]}},
    }


@pytest.mark.aws(
    "CloudWatch",
    "EMF: malformed documents make no metric",
    "approximate",
    "a document with one malformed member makes none at all; it counts as EMFValidationErrors",
)
@pytest.mark.parametrize("what", list(malformed("any")))
def test_a_malformed_document_makes_no_metric(group: str, namespace: str, what: str) -> None:
    before = sum(points("AWS/Logs", "EMFValidationErrors", LogGroupName=group))
    put(group, json.dumps(malformed(namespace)[what]))
    assert points(namespace, "m", Part="one") == []
    assert sum(points("AWS/Logs", "EMFValidationErrors", LogGroupName=group)) == before + 1


@pytest.mark.aws("CloudWatch", "EMF: other text, or JSON without metrics, is a log line", "exact")
def test_other_lines_are_logs_only(group: str, namespace: str) -> None:
    line = json.dumps(document(namespace, ["Part"]))
    before = sum(points("AWS/Logs", "EMFValidationErrors", LogGroupName=group))
    put(group, f"the metrics are {line}", f"[{line}]", json.dumps({"_aws": {"Timestamp": 1}}), '"_aws"', '{"_aws": ')
    assert points(namespace, "m", Part="one") == []
    assert sum(points("AWS/Logs", "EMFValidationErrors", LogGroupName=group)) == before


@pytest.mark.aws("CloudWatch", "EMF after the prefix of a function's logger", "exact")
def test_a_logger_s_prefix_makes_no_difference(group: str, namespace: str) -> None:
    put(group, f"[INFO]\t2026-11-21T19:00:00.000Z\t{uuid4()}\t{json.dumps(document(namespace, ['Part']))}\n")
    assert points(namespace, "m", Part="one") == [1.0]


@pytest.mark.aws("CloudWatch", "an alarm watches a metric that comes from EMF", "exact")
def test_an_alarm_sees_the_metric(group: str, namespace: str) -> None:
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=f"{GROUP}-alarm",
        Namespace=namespace,
        MetricName="m",
        Dimensions=[{"Name": "Part", "Value": "one"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    put(group, json.dumps(document(namespace, ["Part"])))
    # Of the history, because describing an alarm would judge it.
    kinds = [
        one["HistoryItemType"]
        for one in cloudwatch.describe_alarm_history(AlarmName=f"{GROUP}-alarm")["AlarmHistoryItems"]
    ]
    assert "StateUpdate" in kinds
    cloudwatch.delete_alarms(AlarmNames=[f"{GROUP}-alarm"])
