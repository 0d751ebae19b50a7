"""Definitions that AWS refuses for what a Choice, Wait, Fail, Parallel or Map says, with its answers."""

from typing import Any

from tests.integration.support.definitions.builders import (
    DISTRIBUTED_MAP,
    LAST,
    MAP,
    PASS,
    RULE,
    SCHEMA,
    choice,
    machine,
    one,
    without,
)

STATES: dict[str, tuple[Any, list[str]]] = {
    # Choice
    "no Choices": (
        machine({"A": {"Type": "Choice", "Default": "Z"}, **LAST}),
        [f"{SCHEMA}These fields are required: [Choices] at /States/A"],
    ),
    "empty Choices": (choice(), [f"{SCHEMA}Value cannot be empty at /States/A/Choices"]),
    "rule without Next": (
        choice(without(RULE, "Next")),
        [f"{SCHEMA}These fields are required: [Next] at /States/A/Choices[0]"],
    ),
    "two operators": (
        choice({**RULE, "StringEquals": "x"}),
        [
            f"{SCHEMA}There should only be one of the following fields: [StringEquals, NumericEquals] "
            "at /States/A/Choices[0]"
        ],
    ),
    "no Variable": (
        choice(without(RULE, "Variable")),
        [
            f"{SCHEMA}The object must have only one of the following fields, [And, Or, Not, Variable, Condition] "
            "at /States/A/Choices[0]"
        ],
    ),
    "unknown operator": (
        choice({**RULE, "NumberEquals": 1}),
        [f"{SCHEMA}Field 'NumberEquals' is not supported at /States/A/Choices[0]"],
    ),
    "operand of another type": (
        choice({**RULE, "NumericEquals": "1"}),
        [f"{SCHEMA}Expected value of type Number at /States/A/Choices[0]/NumericEquals"],
    ),
    "Next in an inner rule": (
        choice({"Not": RULE, "Next": "Z"}),
        [f"{SCHEMA}Field 'Next' is not supported at /States/A/Choices[0]/Not"],
    ),
    "Variable without $": (
        choice({**RULE, "Variable": "a"}),
        [
            f"{SCHEMA}Value is not a Reference Path: Reference path didn't start with '$' "
            "at /States/A/Choices[0]/Variable"
        ],
    ),
    # Wait, Fail, Parallel, Map
    "no wait": (
        one({"Type": "Wait", "End": True}),
        [
            f"{SCHEMA}This object should have only one of the following fields: "
            "[SecondsPath, Seconds, TimestampPath, Timestamp] at /States/A"
        ],
    ),
    "two waits": (
        one({"Type": "Wait", "Seconds": 1, "Timestamp": "2030-01-01T00:00:00Z", "End": True}),
        [
            f"{SCHEMA}There should only be one of the following fields: "
            "[SecondsPath, Seconds, TimestampPath, Timestamp] at /States/A"
        ],
    ),
    "negative wait": (
        one({"Type": "Wait", "Seconds": -1, "End": True}),
        [f"{SCHEMA}Minimum value is 0 at /States/A/Seconds"],
    ),
    "wait until tomorrow": (
        one({"Type": "Wait", "Timestamp": "tomorrow", "End": True}),
        [f"{SCHEMA}String does not match RFC3339 timestamp at /States/A/Timestamp"],
    ),
    "two errors": (
        one({"Type": "Fail", "Error": "E", "ErrorPath": "$.e"}),
        [f"{SCHEMA}There should only be one of the following fields: [Error, ErrorPath] at /States/A"],
    ),
    "no branches": (
        one({"Type": "Parallel", "Branches": [], "End": True}),
        [f"{SCHEMA}Value cannot be empty at /States/A/Branches"],
    ),
    "no processor": (
        one(without(MAP, "ItemProcessor")),
        [f"{SCHEMA}This object should have only one of the following fields: [ItemProcessor, Iterator] at /States/A"],
    ),
    "processor without StartAt": (
        one({**MAP, "ItemProcessor": {"States": {"I": PASS}}}),
        [f"{SCHEMA}These fields are required: [StartAt] at /States/A/ItemProcessor"],
    ),
    "mode": (
        one({**MAP, "ItemProcessor": {**machine({"I": PASS}), "ProcessorConfig": {"Mode": "FAST"}}}),
        [
            f"{SCHEMA}Value should be one of the following: [INLINE, DISTRIBUTED] "
            "at /States/A/ItemProcessor/ProcessorConfig/Mode"
        ],
    ),
    "distributed without ExecutionType": (
        one({**MAP, "ItemProcessor": {**machine({"I": PASS}), "ProcessorConfig": {"Mode": "DISTRIBUTED"}}}),
        [f"{SCHEMA}These fields are required: [ExecutionType] at /States/A/ItemProcessor/ProcessorConfig"],
    ),
    "reader of an inline map": (
        one({**MAP, "ItemReader": {"Resource": "arn:aws:states:::s3:getObject"}}),
        [f"{SCHEMA}The field 'ItemReader' is only supported in 'DISTRIBUTED' mode at /States/A"],
    ),
    "reader of another service": (
        one({**DISTRIBUTED_MAP, "ItemReader": {"Resource": "arn:aws:states:::sqs:receiveMessage"}}),
        [f"{SCHEMA}The field 'Resource' does not match any of the allowed values at /States/A/ItemReader/Resource"],
    ),
    "negative concurrency": (
        one({**MAP, "MaxConcurrency": -1}),
        [f"{SCHEMA}Minimum value is 0 at /States/A/MaxConcurrency"],
    ),
}
