"""Definitions that AWS refuses for a task, a retrier or a catcher, with its answers."""

from typing import Any

from tests.integration.support.definitions.builders import CATCH, RETRY, SCHEMA, TASK, one, without

TASKS: dict[str, tuple[Any, list[str]]] = {
    # Tasks
    "no Resource": (one(without(TASK, "Resource")), [f"{SCHEMA}These fields are required: [Resource] at /States/A"]),
    **{
        f"resource {arn}": (
            one({**TASK, "Resource": arn}),
            [f"{SCHEMA}Value is not a valid resource ARN at /States/A/Resource"],
        )
        for arn in (
            "f",
            "",
            "arn:aws:lambda:us-east-1:function:f",
            "arn:aws:lambda:us-east-1:12345:function:f",
            "arn:aws:lambda:us-east-1:123456789012:f",
            "arn:aws:lambda:us-east-1:123456789012:function:f g",
            "arn:aws:states:::lambda",
            "${FunctionArn}",
        )
    },
    "resource is a number": (
        one({**TASK, "Resource": 1}),
        [f"{SCHEMA}Expected value of type [STRING] at /States/A/Resource"],
    ),
    "lambda:invoke.sync": (
        one({**TASK, "Resource": "arn:aws:states:::lambda:invoke.sync"}),
        [
            f"{SCHEMA}The resource provided arn:aws:states:::lambda:invoke.sync is not recognized. The value is not a "
            "valid resource ARN, or the resource is not available in this region. at /States/A/Resource"
        ],
    ),
    **{
        f"not emulated {arn}": (
            one({**TASK, "Resource": arn}),
            [f"NOT_EMULATED: The local cloud does not emulate {arn} as a task. at /States/A/Resource"],
        )
        for arn in (
            "arn:aws:states:::sqs:sendMessage",
            "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "arn:aws:states:::aws-sdk:s3:getObject",
            "arn:aws:states:us-east-1:123456789012:activity:a",
        )
    },
    "heartbeat over the timeout": (
        one({**TASK, "TimeoutSeconds": 5, "HeartbeatSeconds": 5}),
        [f"{SCHEMA}HeartbeatSeconds must be smaller than TimeoutSeconds at /States/A/HeartbeatSeconds"],
    ),
    "timeout 0": (one({**TASK, "TimeoutSeconds": 0}), [f"{SCHEMA}Minimum value is 1 at /States/A/TimeoutSeconds"]),
    "timeout text": (
        one({**TASK, "TimeoutSeconds": "5"}),
        [f"{SCHEMA}Expected value of type Integer at /States/A/TimeoutSeconds"],
    ),
    "two timeouts": (
        one({**TASK, "TimeoutSeconds": 5, "TimeoutSecondsPath": "$.t"}),
        [
            f"{SCHEMA}There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath] "
            "at /States/A"
        ],
    ),
    # Retry and Catch
    "States.ALL among others": (
        one({**TASK, "Retry": [{"ErrorEquals": ["States.ALL", "E"]}]}),
        [f"{SCHEMA}States.ALL must appear alone and at end of list at /States/A/Retry[0]/ErrorEquals"],
    ),
    "States.ALL first": (
        one({**TASK, "Retry": [RETRY, {"ErrorEquals": ["E"]}]}),
        [f"{SCHEMA}States.ALL must appear alone and at end of list at /States/A/Retry[0]/ErrorEquals"],
    ),
    "no ErrorEquals": (
        one({**TASK, "Retry": [{"MaxAttempts": 1}]}),
        [f"{SCHEMA}These fields are required: [ErrorEquals] at /States/A/Retry[0]"],
    ),
    "empty ErrorEquals": (
        one({**TASK, "Retry": [{"ErrorEquals": []}]}),
        [f"{SCHEMA}Value cannot be empty at /States/A/Retry[0]/ErrorEquals"],
    ),
    "catcher without Next": (
        one({**TASK, "Catch": [RETRY]}),
        [f"{SCHEMA}These fields are required: [Next] at /States/A/Catch[0]"],
    ),
    "Next of a retrier": (
        one({**TASK, "Retry": [CATCH]}),
        [f"{SCHEMA}Field 'Next' is not supported at /States/A/Retry[0]"],
    ),
    **{
        f"{field} {value}": (
            one({**TASK, "Retry": [{**RETRY, field: value}]}),
            [f"{SCHEMA}{sentence} at /States/A/Retry[0]/{field}"],
        )
        for field, value, sentence in (
            ("IntervalSeconds", 0, "Minimum value is 1"),
            ("MaxAttempts", -1, "Minimum value is 0"),
            ("MaxAttempts", 100_000_000, "Maximum value is 99999999"),
            ("BackoffRate", 0.5, "Minimum value is 1.0"),
            ("MaxDelaySeconds", 0, "Minimum value is 1"),
            ("IntervalSeconds", "1", "Expected value of type Integer"),
            ("JitterStrategy", "HALF", "Value should be one of the following: [NONE, FULL]"),
        )
    },
}
