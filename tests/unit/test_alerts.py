"""Contracts of what tells of failures: the rule, the alarms, their missing data, and the dashboard."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from training.executions import BELOW_THRESHOLD

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "template.yaml").read_text()
CONDITIONS = {"HasAlerts", "HasUploadAlerts", "MailsAlerts"}
KINDS = {"AWS::SNS::Topic", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::SNS::Subscription"}


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    found: dict[str, Any] = yaml_parse(TEXT)["Resources"]
    return found


@pytest.fixture(scope="module")
def alarms(resources: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"}


def test_without_the_parameter_nothing_of_it_exists(resources: dict[str, Any]) -> None:
    assert yaml_parse(TEXT)["Parameters"]["Alerts"]["Default"] == "false"
    assert {one.get("Condition") for one in resources.values() if one["Type"] in KINDS} == CONDITIONS
    namespace = resources["filterInferences"]["Properties"]["Environment"]["Variables"]["METRICS_NAMESPACE"]
    assert (namespace["Fn::If"][0], namespace["Fn::If"][2]) == ("HasAlerts", "")


def test_every_alarm_sends_a_message_that_says_what_it_is_about(alarms: dict[str, Any]) -> None:
    assert len(alarms) == 12
    for alarm in alarms.values():
        actions = {**alarm["Properties"]}
        told = actions.get("AlarmActions", []) + actions.get("InsufficientDataActions", [])
        assert told == [{"Ref": "alertTopic"}]
        assert len(json.dumps(actions["AlarmDescription"])) > 40


def test_every_alarm_says_what_missing_data_mean_and_why() -> None:
    reasons = re.findall(r"TreatMissingData: \w+ # .{20,}", TEXT)
    assert len(reasons) == TEXT.count("AWS::CloudWatch::Alarm\n")


def test_a_refusal_is_no_failure(resources: dict[str, Any]) -> None:
    detail = resources["failureRule"]["Properties"]["EventPattern"]["detail"]
    failed, ended = detail["$or"]
    assert failed == {"status": ["FAILED"], "error": [{"anything-but": [BELOW_THRESHOLD]}]}
    assert ended == {"status": ["TIMED_OUT", "ABORTED"]}
    assert detail["stateMachineArn"] == [{"Ref": "imageClassification"}, {"Ref": "batchClassification"}]


def test_the_share_of_refusals_is_the_metric_of_the_function(alarms: dict[str, Any]) -> None:
    source = (ROOT / "functions/filter_inferences/app.py").read_text()
    for name, bound in (("refusalsAlarm", "AlertRefusedShare"), ("noRefusalsAlarm", "AlertRefusedShareMin")):
        alarm = alarms[name]["Properties"]
        assert f'"Name": "{alarm["MetricName"]}"' in source and '"Dimensions": [[]]' in source
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Average", {"Ref": bound})
        assert "Dimensions" not in alarm


def test_the_bounds_of_the_share_of_refusals_are_on_both_sides(alarms: dict[str, Any]) -> None:
    compared = {name: alarms[name]["Properties"]["ComparisonOperator"] for name in ("refusalsAlarm", "noRefusalsAlarm")}
    assert compared == {"refusalsAlarm": "GreaterThanThreshold", "noRefusalsAlarm": "LessThanThreshold"}
    parameters = yaml_parse(TEXT)["Parameters"]
    least, most = (float(parameters[name]["Default"]) for name in ("AlertRefusedShareMin", "AlertRefusedShare"))
    assert 0 < least < 0.06 < most  # a model of this task refuses some 6 %


def test_the_dashboard_is_json_and_names_what_the_stack_has(resources: dict[str, Any]) -> None:
    body = resources["dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert len(json.loads(body)["widgets"]) == 6
    names = set(re.findall(r"\$\{(\w+)\}", body))
    assert names <= {*resources, "EndpointName"}
    conditional = {name for name in names & set(resources) if "Condition" in resources[name]}
    assert conditional == {"failureRule"}  # which exists where the dashboard does


@pytest.mark.parametrize(("value", "fits"), [("", True), ("a@b.example", True), ("a", False), ("a b@c", False)])
def test_an_email_address_has_an_at_sign(value: str, fits: bool) -> None:
    pattern = yaml_parse(TEXT)["Parameters"]["AlertEmail"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) is fits
