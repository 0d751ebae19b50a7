"""Definitions that AWS accepts, without a word or with a warning."""

from typing import Any

from tests.integration.support.definitions.builders import (
    CATCH,
    DISTRIBUTED_MAP,
    FUNCTION,
    LAST,
    MAP,
    PASS,
    RETRY,
    RULE,
    TASK,
    choice,
    jsonata,
    machine,
    one,
    without,
)

VALID = {
    "one state": one(PASS),
    "task": one({**TASK, "TimeoutSeconds": 5, "HeartbeatSeconds": 2, "Retry": [RETRY]}),
    "function version": one({**TASK, "Resource": f"{FUNCTION}:7"}),
    "function alias": one({**TASK, "Resource": f"{FUNCTION}:$LATEST"}),
    "lambda:invoke": one(
        {**TASK, "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f", "Payload.$": "$"}}
    ),
    "catch": machine({"A": {**TASK, "Catch": [{**CATCH, "ResultPath": "$.error"}]}, **LAST}),
    "retry": one({**TASK, "Retry": [{**RETRY, "IntervalSeconds": 1, "MaxAttempts": 0, "BackoffRate": 1.5}]}),
    "jitter": one({**TASK, "Retry": [{**RETRY, "MaxDelaySeconds": 9, "JitterStrategy": "FULL"}]}),
    "wait": one({"Type": "Wait", "Seconds": 0, "End": True}),
    "wait until": one({"Type": "Wait", "Timestamp": "2030-01-01T00:00:00Z", "End": True}),
    "wait path": one({"Type": "Wait", "SecondsPath": "$.wait", "End": True}),
    "choice": choice(RULE, {"And": [without(RULE, "Next"), {"Not": without(RULE, "Next")}], "Next": "Z"}),
    "choice path": choice({"Variable": "$$.Execution.Name", "StringEqualsPath": "$.b", "Next": "Z"}),
    "fail": one({"Type": "Fail", "Error": "E", "CausePath": "States.Format('{} failed', $.name)"}),
    "succeed": one({"Type": "Succeed"}),
    "parallel": one({"Type": "Parallel", "Branches": [machine({"B": PASS}), machine({"C": PASS})], "End": True}),
    "map": one(MAP),
    "map iterator": one({**without(MAP, "ItemProcessor"), "Iterator": machine({"I": PASS})}),
    "map inline": one({**MAP, "ItemProcessor": {**machine({"I": PASS}), "ProcessorConfig": {"Mode": "INLINE"}}}),
    "map distributed": one({**DISTRIBUTED_MAP, "ToleratedFailurePercentage": 2.5, "Label": "photos"}),
    "reader": one(
        {
            **DISTRIBUTED_MAP,
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
                "Parameters": {"Bucket": "b", "Key.$": "$.key"},
            },
            "ItemBatcher": {"MaxItemsPerBatch": 40},
            "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}},
        }
    ),
    "null paths": one({**PASS, "InputPath": None, "OutputPath": None, "ResultPath": None}),
    "paths": one({**PASS, "InputPath": "$.a[0]['b c'].d", "OutputPath": "$..e[?(@.f > 1 && @.g == 'h)')]"}),
    "slices": one({**PASS, "InputPath": "$.a[1:3]", "OutputPath": "$.a[*]"}),
    "context": one({**PASS, "InputPath": "$$.Execution.Input"}),
    "variable": one({**PASS, "InputPath": "$photo.key", "Assign": {"photo.$": "$.photo", "count": 1}}),
    "intrinsic functions": one(
        {**PASS, "Parameters": {"a.$": "States.Array(States.UUID(), 'it\\'s', $.b['c'], -1.5, null, $.d[?(@.e)])"}}
    ),
    "jsonata": jsonata({**PASS, "Output": {"a": "{% $states.input.a[b > 1].c %}"}, "Assign": {"x": "{% 1 %}"}}),
    "jsonata task": jsonata({**TASK, "Arguments": "{% $states.input %}", "Output": "{% $states.result.body %}"}),
    "jsonata timeout": jsonata({**TASK, "TimeoutSeconds": "{% $states.input.timeout %}"}),
    "jsonata lambda": jsonata({**PASS, "Output": "{% $map($states.input.a, function($x) { $x.b }) %}"}),
    "jsonata in one state": one({**PASS, "QueryLanguage": "JSONata", "Output": "{% 1 %}"}),
    "jsonata choice": machine(
        {"A": {"Type": "Choice", "Choices": [{"Condition": "{% $a = 1 %}", "Next": "Z"}], "Default": "Z"}, **LAST},
        QueryLanguage="JSONata",
    ),
    "jsonata error output": machine(
        {"A": {**TASK, "Catch": [{**CATCH, "Output": "{% $states.errorOutput.Cause %}"}]}, **LAST},
        QueryLanguage="JSONata",
    ),
    "loop with an end": machine({"A": {"Type": "Choice", "Choices": [{**RULE, "Next": "A"}], "Default": "Z"}, **LAST}),
    "version": machine(Version="1.0", Comment="a comment", TimeoutSeconds=60),
    "next in place of a false end": machine({"A": {"Type": "Pass", "End": False, "Next": "Z"}, **LAST}),
}

# A definition, the code of its warning, and where.
WARNED: dict[str, tuple[Any, str, str]] = {
    "unreachable": (machine({"A": PASS, **LAST}), "MISSING_TRANSITION_TARGET", "/States/Z"),
    "unreachable within": (
        one({**MAP, "ItemProcessor": machine({"I": PASS, **LAST})}),
        "MISSING_TRANSITION_TARGET",
        "/States/A/ItemProcessor/States/Z",
    ),
    "path without .$": (one({**PASS, "Parameters": {"a": "$.a"}}), "NO_DOLLAR", "/States/A/Parameters"),
    "path in a Result": (one({**PASS, "Result": {"a.$": "$.a"}}), "PASS_RESULT_IS_STATIC", "/States/A/Result"),
    "path as a Cause": (one({"Type": "Fail", "Cause": "$.cause"}), "NO_PATH", "/States/A/Cause"),
}
