"""Definitions that AWS refuses for a query language, a path or a call within an expression, with its answers."""

from typing import Any

from tests.integration.support.definitions.builders import MAP, PASS, SCHEMA, TASK, choice, jsonata, machine, one

EXPRESSIONS: dict[str, tuple[Any, list[str]]] = {
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
