"""Behaviour of CloudWatch that the local cloud corrects."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.support.iam import client_of_role


@pytest.mark.correction(name="cloudwatch-namespace")
@pytest.mark.aws("IAM", "cloudwatch:namespace, the condition key of PutMetricData", "exact")
def test_a_policy_names_the_namespaces_that_metrics_may_go_to(aws: dict[str, str]) -> None:
    mine: dict[str, Any] = {"StringLike": {"cloudwatch:namespace": "mine/*"}}
    may = {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*", "Condition": mine}
    cloudwatch, data = client_of_role("cloudwatch", may), [{"MetricName": "m", "Value": 1.0}]
    cloudwatch.put_metric_data(Namespace="mine/own", MetricData=data)
    with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:PutMetricData"):
        cloudwatch.put_metric_data(Namespace="another", MetricData=data)
