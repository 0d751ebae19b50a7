"""Pieces of definitions of state machines, and the beginnings of AWS's answers to them."""

from typing import Any

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
TASK = {"Type": "Task", "Resource": FUNCTION, "End": True}
PASS = {"Type": "Pass", "End": True}
MAP = {"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": PASS}}, "End": True}
DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "I"}
DISTRIBUTED_MAP = {**MAP, "ItemProcessor": {**DISTRIBUTED, "States": {"I": PASS}}}
LAST = {"Z": PASS}
SCHEMA, TARGET = "SCHEMA_VALIDATION_FAILED: ", "MISSING_TRANSITION_TARGET: "


def machine(states: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states or {"A": 0})), "States": states or {"A": PASS}, **fields}


def one(state: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return machine({"A": state}, **fields)


def jsonata(state: dict[str, Any]) -> dict[str, Any]:
    return machine({"A": state}, QueryLanguage="JSONata")


def choice(*rules: dict[str, Any]) -> dict[str, Any]:
    return machine({"A": {"Type": "Choice", "Choices": list(rules), "Default": "Z"}, **LAST})


def without(state: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name not in fields}


RULE = {"Variable": "$.a", "NumericEquals": 1, "Next": "Z"}
RETRY = {"ErrorEquals": ["States.ALL"]}
CATCH = {"ErrorEquals": ["States.ALL"], "Next": "Z"}
