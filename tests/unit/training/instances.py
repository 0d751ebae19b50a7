"""CloudWatch's alarms and Application Auto Scaling; a request that botocore's models refuse fails the test."""

from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from tests.unit.training.fakes import client_error

SESSION = botocore.session.Session()


def check(service: str, operation: str, request: dict[str, Any]) -> None:
    shape = SESSION.get_service_model(service).operation_model(operation).input_shape
    assert shape is not None
    assert ParamValidator().validate(request, shape).generate_report() == ""


class CloudWatch:
    """The alarms under their names."""

    def __init__(self) -> None:
        self.alarms: dict[str, dict[str, Any]] = {}

    def put_metric_alarm(self, **request: Any) -> None:
        check("cloudwatch", "PutMetricAlarm", request)
        self.alarms[request["AlarmName"]] = request

    def describe_alarms(self, **request: Any) -> dict[str, Any]:
        check("cloudwatch", "DescribeAlarms", request)
        return {"MetricAlarms": [self.alarms[name] for name in request["AlarmNames"] if name in self.alarms]}

    def delete_alarms(self, AlarmNames: list[str]) -> None:
        for name in AlarmNames:
            del self.alarms[name]


class AutoScaling:
    """The scalable targets under their resources, with the policies of each."""

    def __init__(self) -> None:
        self.targets: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []

    def describe_scalable_targets(self, **request: Any) -> dict[str, Any]:
        check("application-autoscaling", "DescribeScalableTargets", request)
        return {"ScalableTargets": [self.targets[one] for one in request["ResourceIds"] if one in self.targets]}

    def register_scalable_target(self, **request: Any) -> None:
        check("application-autoscaling", "RegisterScalableTarget", request)
        self.calls.append("register")
        self.targets[request["ResourceId"]] = request

    def put_scaling_policy(self, **request: Any) -> None:
        check("application-autoscaling", "PutScalingPolicy", request)
        assert request["ResourceId"] in self.targets
        self.policies[request["ResourceId"]] = request

    def deregister_scalable_target(self, **request: Any) -> None:
        check("application-autoscaling", "DeregisterScalableTarget", request)
        self.calls.append("deregister")
        if request["ResourceId"] not in self.targets:
            raise client_error("ObjectNotFoundException")
        del self.targets[request["ResourceId"]]
        self.policies.pop(request["ResourceId"], None)
