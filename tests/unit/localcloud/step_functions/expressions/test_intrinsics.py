import re
from typing import Any

import pytest

from localcloud.step_functions.expressions import ExpressionError, Scope, intrinsics

SCOPE = Scope(
    {
        "array": [1, 2, 3, 3, 2],
        "dict": {"a": 1, "b": [True, None]},
        "name": "Arnav",
        "long": "x" * 10_001,
        "mixed": [1, True, 1.0, "1", {"a": 1}, {"a": 1}],
        "odd": "it's {here}",
        "separators": ".+,=",
        "text": "This.is+a,test=string",
    },
    {"Execution": {"Name": "run"}},
    {"count": 2},
)


# Where AWS's documentation has an example, it is that one:
# https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("States.Array()", []),
        ("States.Array($.name, 1, -2.5, true, null, 'a')", ["Arnav", 1, -2.5, True, None, "a"]),
        ("States.ArrayPartition($.array, 2)", [[1, 2], [3, 3], [2]]),
        ("States.ArrayPartition($.array, 3.6)", [[1, 2, 3, 3], [2]]),
        ("States.ArrayContains($.array, 3)", True),
        ("States.ArrayContains($.array, '3')", False),
        ("States.ArrayContains($.array, true)", False),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.ArrayRange(5, 1, 1)", []),
        ("States.ArrayLength(States.ArrayRange(1, 1000, 1))", 1000),
        ("States.ArrayGetItem($.array, $count)", 3),
        ("States.ArrayLength($.array[?(@.x)])", 0),
        ("States.ArrayUnique($.mixed)", [1, True, "1", {"a": 1}]),
        ("States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "Data to encode"),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("States.Hash('input data', 'MD5')", "812f45842bc6d66ee14572ce20db8e86"),
        ('States.JsonMerge($.dict, States.StringToJson(\'{"a":{"x":2}}\'), false)', {"a": {"x": 2}, "b": [True, None]}),
        ("States.StringToJson('{\"number\":20}')", {"number": 20}),
        ("States.JsonToString($.dict)", '{"a":1,"b":[true,null]}'),
        ("States.MathRandom(4, 5)", 4),
        ("States.MathAdd(111, -1)", 110),
        ("States.MathAdd(1.5, -1.5)", 1),  # 2 + -1: halves are rounded upwards
        ("States.StringSplit($.text, $.separators)", ["This", "is", "a", "test", "string"]),
        ("States.StringSplit(',,1,2,', ',')", ["1", "2"]),
        ("States.StringSplit('a]b^c-d', '^-]')", ["a", "b", "c", "d"]),
        ("States.Format('Hello, my name is {}.', $.name)", "Hello, my name is Arnav."),
        ("States.Format('{}: {}, {}, {}', $$.Execution.Name, 1.5, false, null)", "run: 1.5, false, null"),
        (r"States.Format('it\'s \{{}\} \\', $.odd)", r"it's {it's {here}} " + "\\"),
        ("States.Format($.name)", "Arnav"),
        (r"States.Array('it\'s', 'a\\b')", ["it's", "a\\b"]),
        ("States.Array('a, b)', $['name'], States.Array( 1 ))", ["a, b)", "Arnav", [1]]),
    ],
)
def test_functions_answer_as_documented(call: str, value: Any) -> None:
    assert intrinsics.evaluate(call, SCOPE) == value


@pytest.mark.parametrize(
    "call",
    [
        "States.ArrayPartition($.array, 0)",
        "States.ArrayPartition($.name, 2)",
        "States.ArrayPartition($.array, '2')",
        "States.ArrayContains($.name, 'A')",
        "States.ArrayRange(1, 9, 0)",
        "States.ArrayRange(1, 1001, 1)",
        "States.ArrayRange(1, true, 1)",
        "States.ArrayGetItem($.array, 5)",
        "States.ArrayGetItem($.array, -1)",
        "States.ArrayGetItem($.array, 1.5)",
        "States.ArrayLength($.name)",
        "States.ArrayUnique($.dict)",
        "States.Base64Encode($.long)",
        "States.Base64Encode(1)",
        "States.Base64Decode('not Base64!')",
        "States.Base64Decode($.long)",
        "States.Hash($.long, 'MD5')",
        "States.Hash('a', 'sha-256')",
        "States.JsonMerge($.dict, $.dict, true)",
        "States.JsonMerge($.dict, $.array, false)",
        "States.StringToJson('{')",
        "States.StringToJson($.dict)",
        "States.MathRandom(5, 5)",
        "States.MathRandom('1', 5)",
        "States.MathAdd('1', 2)",
        "States.StringSplit($.text, '')",
        "States.StringSplit($.array, ',')",
        "States.Format('{} {}', 1)",
        "States.Format('{}', 1, 2)",
        "States.Format('{', 1)",
        "States.Format(1)",
        "States.UUID(1)",
        "States.MathAdd(1)",
        "States.MathRandom(1, 2, 3, 4)",
    ],
)
def test_arguments_that_do_not_suit_are_an_intrinsic_failure(call: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        intrinsics.evaluate(call, SCOPE)
    assert raised.value.error == "States.IntrinsicFailure"
    assert raised.value.cause.startswith(f"The function '{call}' had the following error: ")


def test_the_function_that_failed_is_named_among_nested_ones() -> None:
    with pytest.raises(ExpressionError, match=re.escape("The function 'States.ArrayLength('a')' had the")):
        intrinsics.evaluate("States.Array(1, States.ArrayLength('a'))", SCOPE)


def test_a_path_without_match_is_a_runtime_error() -> None:
    with pytest.raises(ExpressionError) as raised:
        intrinsics.evaluate("States.Format('{}', $.nope)", Scope({"other": 1}))
    assert raised.value.error == "States.Runtime"
    assert raised.value.cause == (
        "The function 'States.Format('{}', $.nope)' had the following error: The JsonPath argument for the field"
        " '$.nope' could not be found in the input '{\"other\":1}'"
    )


@pytest.mark.parametrize(
    "call",
    [
        "States.Nothing(1)",
        "States.Array(1",
        "States.Array(1))",
        "States.Array(1,)",
        "States.Array(a)",
        "States.Array",
        "States.Array(" * 11 + "1" + ")" * 11,
    ],
)
def test_text_that_is_no_call_is_a_runtime_error(call: str) -> None:
    with pytest.raises(ExpressionError, match=r"States\.Runtime"):
        intrinsics.evaluate(call, SCOPE)


def test_ten_functions_nest() -> None:
    assert intrinsics.evaluate("States.Array(" * 10 + ")" * 10, SCOPE) == [[[[[[[[[[]]]]]]]]]]


def test_a_seed_gives_the_same_number() -> None:
    numbers = {intrinsics.evaluate("States.MathRandom(1, 1000000, 7)", SCOPE) for _ in range(3)}
    assert len(numbers) == 1


def test_uuids_differ() -> None:
    one, other = (intrinsics.evaluate("States.UUID()", SCOPE) for _ in range(2))
    assert one != other
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one)
