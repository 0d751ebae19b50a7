"""Behaviour of CloudWatch that the local cloud corrects."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.iam import client_of_role
from tests.integration.support.names import NAME
from tests.integration.support.waiting import wait_for


@pytest.mark.correction(name="cloudwatch-namespace")
@pytest.mark.aws("IAM", "cloudwatch:namespace, the condition key of PutMetricData", "exact")
def test_a_policy_names_the_namespaces_that_metrics_may_go_to(aws: dict[str, str]) -> None:
    mine: dict[str, Any] = {"StringLike": {"cloudwatch:namespace": "mine/*"}}
    may = {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*", "Condition": mine}
    cloudwatch, data = client_of_role("cloudwatch", may), [{"MetricName": "m", "Value": 1.0}]
    cloudwatch.put_metric_data(Namespace="mine/own", MetricData=data)
    with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:PutMetricData"):
        cloudwatch.put_metric_data(Namespace="another", MetricData=data)


# Alarms ------------------------------------------------------------------------------------------------------


def put_alarm(name: str, **changes: Any) -> Any:
    """Create an alarm of a metric of its name that goes off above 0, for the dimension Part=one; returns the client."""
    cloudwatch: Any = boto3.client("cloudwatch")
    common = {
        "Namespace": NAME,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{"Name": "Part", "Value": "one"}],
    }
    cloudwatch.put_metric_alarm(**{**common, "AlarmName": name, "MetricName": name, **changes})
    return cloudwatch


def put_data(cloudwatch: Any, name: str, part: str, value: float) -> None:
    dimensions = [{"Name": "Part", "Value": part}]
    data = [{"MetricName": name, "Dimensions": dimensions, "Value": value}]
    cloudwatch.put_metric_data(Namespace=NAME, MetricData=data)


def state(cloudwatch: Any, name: str) -> str:
    return str(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])


@pytest.mark.correction(name="alarm-dimensions")
@pytest.mark.aws("CloudWatch", "an alarm is judged by the metric with its dimensions, and by TreatMissingData", "exact")
def test_an_alarm_watches_its_own_dimensions(aws: dict[str, str]) -> None:
    name = f"{NAME}-dimensions"
    cloudwatch = put_alarm(name)
    put_data(cloudwatch, name, "another", 1)
    assert state(cloudwatch, name) == "INSUFFICIENT_DATA"
    put_data(cloudwatch, name, "one", 1)
    wait_for(lambda: state(cloudwatch, name) == "ALARM")


@pytest.mark.correction(name="alarms-are-current")
@pytest.mark.aws(
    "CloudWatch",
    "alarms: a statistic of one metric against a threshold",
    "approximate",
    "judged when metrics come and when they are described; the evaluation periods are one window",
)
def test_an_alarm_without_data_is_what_it_says(aws: dict[str, str]) -> None:
    name = f"{NAME}-missing"
    cloudwatch = put_alarm(name, Period=10, TreatMissingData="notBreaching")
    wait_for(lambda: state(cloudwatch, name) == "OK", 20)
