"""Small definitions of state machines, and AWS's answer to each: CODE: message at location.

The answers were measured with ValidateStateMachineDefinition and CreateStateMachine by others, who published them:
- missing targets: https://github.com/localstack/localstack/pull/12487
- query languages, fields, terminal states, JSONata: https://github.com/floci-io/floci
- codes and warnings: API_ValidateStateMachineDefinition and API_ValidateStateMachineDefinitionDiagnostic in
  https://docs.aws.amazon.com/step-functions/latest/apireference/
- limits: https://states-language.net, https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
NOT_EMULATED is our own.
"""

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

# A definition, and what AWS refuses it with.
REFUSED: dict[str, tuple[Any, list[str]]] = {
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
    # Query languages
    "JSONPath field in JSONata": (
        jsonata({**PASS, "InputPath": "$.a"}),
        [
            f"{SCHEMA}The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the "
            "'JSONPath' QueryLanguage at /States/A"
        ],
    ),
    "JSONata field in JSONPath": (
        one({**TASK, "Arguments": {}}),
        [
            f"{SCHEMA}The QueryLanguage is set to 'JSONPath', but field 'Arguments' is only supported for the "
            "'JSONata' QueryLanguage at /States/A"
        ],
    ),
    "JSONPath state in JSONata": (
        jsonata({**PASS, "QueryLanguage": "JSONPath", "InputPath": "$"}),
        [f"{SCHEMA}'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/A"],
    ),
    "unknown query language": (
        machine(QueryLanguage="JMESPath"),
        [f"{SCHEMA}Value should be one of the following: [JSONPath, JSONata] at /QueryLanguage"],
    ),
    "query language of a processor": (
        one({**MAP, "ItemProcessor": {**machine({"I": PASS}), "QueryLanguage": "JSONata"}}),
        [f"{SCHEMA}Field 'QueryLanguage' is not supported at /States/A/ItemProcessor"],
    ),
    "language of a Map is not its processor's": (
        one({**MAP, "QueryLanguage": "JSONata", "ItemProcessor": machine({"I": {**PASS, "Output": 1}})}),
        [
            f"{SCHEMA}The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the "
            "'JSONata' QueryLanguage at /States/A/ItemProcessor/States/I"
        ],
    ),
    "Condition in JSONPath": (
        choice({"Condition": "{% true %}", "Next": "Z"}),
        [
            f"{SCHEMA}The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the "
            "'JSONata' QueryLanguage at /States/A/Choices[0]"
        ],
    ),
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
    # Paths and intrinsic functions
    **{
        f"InputPath {path}": (
            one({**PASS, "InputPath": path}),
            [f"{SCHEMA}Value must be a valid JSONPath. at /States/A/InputPath"],
        )
        for path in ("a", "", "$.", "$.a[", "$.a[0", "$.a]", "$a b", "$..", "$.a['b]", "$.a[?(@.b]", "$.a..")
    },
    "ResultPath leads to many": (
        one({**PASS, "ResultPath": "$.a[*]"}),
        [f"{SCHEMA}Value is not a Reference Path at /States/A/ResultPath"],
    ),
    "ResultPath in the context": (
        one({**PASS, "ResultPath": "$$.a"}),
        [f"{SCHEMA}Value is not a Reference Path: the context object cannot be written at /States/A/ResultPath"],
    ),
    **{
        f"call {call}": (
            one({**PASS, "Parameters": {"b": {"a.$": call}}}),
            [
                f"{SCHEMA}The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call "
                "at /States/A/Parameters/b"
            ],
        )
        for call in (
            "x",
            "States.Formt('{}', $.a)",
            "States.Format('{}', $.a",
            "States.Format('{}' $.a)",
            'States.Format("{}", $.a)',
            "States.Format('{}', $.a) and more",
            "States.Array(,)",
        )
    },
    **{
        f"path is {kind}": (
            one({**PASS, "Parameters": {"a.$": value}}),
            [
                f"{SCHEMA}The value for the field 'a.$' must be a STRING that contains a JSONPath but was {kind} "
                "at /States/A/Parameters"
            ],
        )
        for value, kind in ((1, "a NUMBER"), (["$.a"], "an ARRAY"), ({}, "an OBJECT"), (None, "NULL"))
    },
    # JSONata
    **{
        f"expression {expression}": (
            jsonata({**PASS, "Output": {"v": f"{{% {expression} %}}"}}),
            [f"INVALID_JSONATA_EXPRESSION: {sentence} at /States/A/Output/v"],
        )
        for expression, sentence in (
            ("a[1,2)", 'Expected "]", got ","'),
            ("1 +", "Unexpected end of expression"),
            ('{"a":}', 'The symbol "}" cannot be used as a unary operator'),
            ('"unterminated', "String literal must be terminated by a matching quote"),
            ("", "Unexpected end of expression"),
        )
    },
    "expression not closed": (
        jsonata({**PASS, "Output": "{% 1 "}),
        [f"{SCHEMA}JSONata string must start with {{% and end with %}} at /States/A/Output"],
    ),
    **{
        f"reference {expression}": (
            jsonata({**PASS, "Output": f"{{% {expression} %}}"}),
            [f"UNSUPPORTED_JSONATA_EXPRESSION: {sentence} at /States/A/Output"],
        )
        for expression, sentence in (
            ("photo", "Reference to 'photo' at the top level is not supported."),
            ("$uppercase(photo.name)", "Reference to 'photo' at the top level is not supported."),
            ("{'a': [photo]}", "Reference to 'photo' at the top level is not supported."),
            ("$.photo", "Reference to '$' at the top level is not supported."),
            ("$$", "Reference to '$$' is not supported."),
            ("$states.errorOutput", "Field '$states.errorOutput' does not exist."),
        )
    },
    "result before the call": (
        jsonata({**TASK, "Arguments": "{% $states.result %}"}),
        ["UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.result' does not exist. at /States/A/Arguments"],
    ),
    "variable called states": (
        one({**PASS, "Assign": {"states": 1}}),
        ["RESERVED_VARIABLE_NAME: Cannot assign to reserved variable '$states'. at /States/A/Assign"],
    ),
    "variable called a-b": (
        one({**PASS, "Assign": {"a-b": 1}}),
        [
            "INVALID_VARIABLE_NAME: Invalid variable name 'a-b': the variable name contains invalid characters. "
            "at /States/A/Assign"
        ],
    ),
}
REFUSED_AS_EXPRESS = {
    "sync": (
        one({**TASK, "Resource": "arn:aws:states:::batch:submitJob.sync"}),
        [f"{SCHEMA}Express state machine does not support '.sync' service integration  at /States/A/Resource"],
    ),
    "activity": (
        one({**TASK, "Resource": "arn:aws:states:us-east-1:123456789012:activity:a"}),
        [f"{SCHEMA}Express state machine does not support Activity ARN at /States/A/Resource"],
    ),
    "distributed": (
        one(DISTRIBUTED_MAP),
        [
            f"{SCHEMA}The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines "
            "at /States/A/ItemProcessor/ProcessorConfig"
        ],
    ),
}


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
