"""A request names its action in one way."""

from typing import Any

import pytest

from localcloud import protocols
from localcloud.environment import SERVICES
from localcloud.protocols import FORM, ProtocolError

JSON = "application/x-amz-json-1.0"
STATES = {"content-type": JSON, "x-amz-target": "AWSStepFunctions.StartExecution"}


def check(service: str, headers: dict[str, str], method: str = "POST", **query: list[str]) -> None:
    protocols.check(service, method, query, headers)


def test_each_service_that_is_loaded_has_a_protocol() -> None:
    known = protocols.MISLEADING_HEADERS.keys() | protocols.FORM_SERVICES | protocols.TARGETS.keys()
    assert known == set(SERVICES)


@pytest.mark.parametrize(
    ("service", "headers", "options"),
    [
        ("iam", {"content-type": f"{FORM}; charset=utf-8"}, {}),
        ("sts", {"content-type": FORM}, {}),
        ("states", STATES, {}),
        ("logs", {"content-type": "application/x-amz-json-1.1", "x-amz-target": "Logs_20140328.PutLogEvents"}, {}),
        ("monitoring", {"content-type": FORM}, {}),
        ("monitoring", {"content-type": JSON, "x-amz-target": "GraniteServiceVersion20100801.ListMetrics"}, {}),
        ("s3", {"content-type": FORM}, {"method": "PUT"}),
        ("s3", {}, {"method": "GET", "versionId": ["x"]}),
        ("lambda", {}, {"Qualifier": ["live"]}),
        ("sagemaker", {}, {"Action": ["anything"]}),
    ],
)
def test_what_clients_send_passes(service: str, headers: dict[str, str], options: dict[str, Any]) -> None:
    check(service, headers, **options)


@pytest.mark.parametrize(
    ("service", "headers", "options", "sentence"),
    [
        ("iam", {"content-type": "text/plain"}, {}, r"takes a form \(application/x-www-form-urlencoded\)"),
        ("iam", {}, {}, "takes a form"),
        ("iam", {"content-type": FORM}, {"Action": ["GetUser"]}, "iam takes POST without a query"),
        ("sts", {"content-type": FORM}, {"RoleArn": ["a"]}, "sts takes POST without a query"),
        ("sts", {"content-type": FORM}, {"method": "GET"}, "sts takes POST without a query"),
        ("cloudformation", {"content-type": FORM, "x-amz-target": "a.ListStacks"}, {}, "takes a form"),
        ("iam", {"content-type": JSON, "x-amz-target": "IAMService.CreateUser"}, {}, "takes a form"),
        ("states", {**STATES, "content-type": FORM}, {}, "takes JSON with X-Amz-Target: AWSStepFunctions"),
        ("states", {**STATES, "x-amz-target": "Logs_20140328.ListTags"}, {}, "takes JSON"),
        ("states", {**STATES, "x-amz-target": "AWSStepFunctions.a.b"}, {}, "takes JSON"),
        ("states", {"content-type": JSON}, {}, "takes JSON"),
        ("states", STATES, {"Action": ["ListStateMachines"]}, "takes POST without a query"),
        ("monitoring", {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, {}, "a form .* or JSON"),
        ("s3", {"x-amz-target": "a.GetObject"}, {"method": "PUT"}, "s3 takes no x-amz-target"),
        ("s3", {}, {"method": "PUT", "Action": ["GetObject"]}, "s3 takes no Action in a query"),
        ("lambda", {"x-amz-target": "a.ListFunctions"}, {}, "lambda takes no x-amz-target"),
        ("lambda", {"x-amz-qualifier": "live"}, {}, "lambda takes no x-amz-qualifier"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(
    service: str, headers: dict[str, str], options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ProtocolError, match=sentence):
        check(service, headers, **options)
