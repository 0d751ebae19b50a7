"""Definitions that AWS refuses for their fields, names and transitions, with its answers."""

from typing import Any

from tests.integration.support.definitions.builders import (
    CATCH,
    LAST,
    MAP,
    PASS,
    RETRY,
    RULE,
    SCHEMA,
    TARGET,
    TASK,
    choice,
    machine,
    one,
)

STRUCTURE: dict[str, tuple[Any, list[str]]] = {
    "array": ("[]", [f"{SCHEMA}Expected value of type [OBJECT] at /"]),
    "no StartAt": ({"States": {"A": PASS}}, [f"{SCHEMA}These fields are required: [StartAt] at /"]),
    "no States": ({"StartAt": "A"}, [f"{SCHEMA}These fields are required: [States] at /"]),
    "empty": ({}, [f"{SCHEMA}These fields are required: [States, StartAt] at /"]),
    "no states": ({"StartAt": "A", "States": {}}, [f"{SCHEMA}Value cannot be empty at /States"]),
    "StartAt leads nowhere": (machine(StartAt="B"), [f"{TARGET}Missing 'Next' target: B at /StartAt"]),
    "top field": (machine(Starts="A"), [f"{SCHEMA}Field 'Starts' is not supported at /"]),
    "version 2": (machine(Version="2.0"), [f"{SCHEMA}Value should be one of the following: [1.0] at /Version"]),
    "state is text": (machine({"A": "x", **LAST}), [f"{SCHEMA}Expected value of type [OBJECT] at /States/A"]),
    "no Type": (one({"End": True}), [f"{SCHEMA}These fields are required: [Type] at /States/A"]),
    "unknown Type": (
        one({"Type": "Loop", "End": True}),
        [
            f"{SCHEMA}Value should be one of the following: "
            "[Task, Pass, Wait, Choice, Parallel, Map, Succeed, Fail] at /States/A/Type"
        ],
    ),
    "Next leads nowhere": (
        machine({"A": {"Type": "Pass", "Next": "B"}, **LAST}),
        [f"{TARGET}Missing 'Next' target: B at /States/A/Next"],
    ),
    "Default leads nowhere": (
        machine({"A": {"Type": "Choice", "Choices": [RULE], "Default": "B"}, **LAST}),
        [f"{TARGET}Missing 'Next' target: B at /States/A/Default"],
    ),
    "rule leads nowhere": (
        choice({**RULE, "Next": "B"}),
        [f"{TARGET}Missing 'Next' target: B at /States/A/Choices[0]/Next"],
    ),
    "catcher leads nowhere": (
        one({**TASK, "Catch": [{**CATCH, "Next": "B"}]}),
        [f"{TARGET}Missing 'Next' target: B at /States/A/Catch[0]/Next"],
    ),
    "branch leads out of itself": (
        machine(
            {
                "A": {
                    "Type": "Parallel",
                    "Branches": [machine({"B": {"Type": "Pass", "Next": "Z"}, "C": {"Type": "Succeed"}})],
                    "Next": "Z",
                },
                **LAST,
            }
        ),
        [f"{TARGET}Missing 'Next' target: Z at /States/A/Branches[0]/States/B/Next"],
    ),
    "neither Next nor End": (
        machine({"A": {"Type": "Pass"}, **LAST}),
        [f"{SCHEMA}This object should have only one of the following fields: [Next, End] at /States/A"],
    ),
    "Next and End": (
        machine({"A": {**PASS, "Next": "Z"}, **LAST}),
        [f"{SCHEMA}There should only be one of the following fields: [Next, End] at /States/A"],
    ),
    "End of a Succeed": (
        one({"Type": "Succeed", "End": True}),
        [f"{SCHEMA}Field 'End' is not supported at /States/A"],
    ),
    "no terminal state": (
        machine({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}),
        ["MISSING_END_STATE: Workflow has no terminal state at null"],
    ),
    "duplicate names": (
        one({"Type": "Parallel", "Branches": [machine({"B": PASS}), machine({"B": PASS})], "End": True}),
        ["DUPLICATE_STATE_NAME: Duplicate State name: B at /States/A/Branches[1]/States/B"],
    ),
    "name too long": (
        machine({"A" * 81: PASS}),
        [f"INVALID_STATE_NAME: A state's name must have 1 to 80 characters, not 81 at /States/{'A' * 81}"],
    ),
    "unknown field": (one({**PASS, "Inputpath": "$"}), [f"{SCHEMA}Field 'Inputpath' is not supported at /States/A"]),
    "timeout of a Map": (
        one({**MAP, "TimeoutSeconds": 5}),
        [f"{SCHEMA}Field 'TimeoutSeconds' is not supported at /States/A"],
    ),
    "Catch of a Pass": (one({**PASS, "Retry": [RETRY]}), [f"{SCHEMA}Field 'Retry' is not supported at /States/A"]),
}
