import sys
import threading
from typing import Any

import pytest

from localcloud.step_functions.expressions import ExpressionError, jsonata

BINDINGS = {
    "states": {"input": {"empty": [], "items": [{"n": 3}, {"n": 9}], "nothing": None, "whole": 1.0}},
    "two": 2,
    "none": None,
}
RECURSION = "($f := function($x){ $x <= 0 ? 0 : 1 + $f($x - 1) }; $f(%d))"


def evaluated(expression: str) -> Any:
    return jsonata.evaluate("{% " + expression + " %}", BINDINGS, "Output")


def failure(expression: str) -> str:
    with pytest.raises(ExpressionError) as raised:
        evaluated(expression)
    assert raised.value.error == "States.QueryEvaluationError"
    assert raised.value.location == "Output"
    sentence = f"The JSONata expression '{expression}' specified for the field 'Output'"
    assert raised.value.cause.startswith(sentence)
    return raised.value.cause.removeprefix(sentence)


# Most values were measured on AWS: https://github.com/floci-io/floci/issues/2737
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$states.input.items.n", [3, 9]),
        ("$states.input.items[n > 5].n", 9),
        ("$states.input.empty", []),
        ("$states.input.nothing", None),
        ("$exists($states.input.nothing)", True),
        ("$none", None),
        ("$two * 3", 6),
        ("6 / 2", 3),
        ("$states.input.whole", 1),
        ("1 / 0", "Infinity"),
        ("[-1 / 0]", ["-Infinity"]),
        ("{'k': 0 / 0}", {"k": "NaN"}),
        ("1e308 * 10", "Infinity"),
        ("$partition([1, 2, 3, 4, 5], 2.9)", [[1, 2], [3, 4], [5]]),
        ("$partition([1, 2, 3])", [[1, 2, 3]]),
        ("$range(0, 10, 2)", [0, 2, 4, 6, 8, 10]),
        ("$range(10, 0, -2)", [10, 8, 6, 4, 2, 0]),
        ("$range(-1.7, 2, 1)", [-1, 0, 1, 2]),
        ("$range(3, 3, 1)", 3),
        ("$count($range(1, 360145, 1))", 360_145),
        ("$count($range(-9223372036854775808, 9223372036854775807, 9223372036854775807))", 3),
        ("$hash('Hello', 'MD5')", "8b1a9953c4611296a827abf8c47804d7"),
        ("$hash('Hello', 'SHA-256')", "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969"),
        ("$random(42)", 0.7275636800328681),
        ("$random(0.9)", 0.730967787376657),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$exists($parse('null'))", True),
        ("$map(['{\"a\":1}', '{\"a\":2}'], $parse).a", [1, 2]),
        ("[1..873782] ~> $count()", 873_782),
        (RECURSION % 31, 31),
        ("1" + " + 1" * 99, 100),
        ("(" * 99 + "1" + ")" * 99, 1),
        ("1" + " ~> $string" * 99, "1"),
    ],
)
def test_values(expression: str, value: Any) -> None:
    assert evaluated(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "$states.input.missing",
        "$nowhere",
        "$partition([], 2)",
        "$partition([1], 0)",
        "$range(5, 1, 1)",
        "$range(1, 5)",
        "$hash('a')",
        "$parse()",
    ],
)
def test_an_undefined_result_is_an_error(expression: str) -> None:
    assert failure(expression) == " returned nothing (undefined)."


# https://github.com/floci-io/floci/issues/2736 and 2668 have what AWS says
@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("$eval('1+1')", "T1006: Attempted to invoke a non-function"),
        ("1 < 'a'", 'T2009: The values 1 and "a" either side of operator "<" must be of the same data type'),
        ("1 + {}", 'T2002: The right side of the "+" operator must evaluate to a number'),
        ("$sqrt(-1)", "D3060: The sqrt function cannot be applied to a negative number: -1"),
        ("$sum(['a'])", 'T0412: Argument 1 of function "sum" must be an array of "numbers"'),
        ("$each('x', function($v){$v})", 'T0410: Argument 1 of function "each" does not match function signature'),
        ("$split('a', 'b', -1)", "D3020: Third argument of split function must evaluate to a positive number"),
        ("$error('too small')", "D3137: too small"),
        ("$parse(null)", 'T0410: Argument 1 of function "parse" does not match function signature'),
        ("$parse('{}', 1)", 'T0410: Argument 2 of function "parse" does not match function signature'),
        ("$uuid(1)", 'T0410: Argument 1 of function "uuid" does not match function signature'),
        ("$range(1)", 'T0410: Argument 2 of function "range" does not match function signature'),
        ("$hash('a', 5)", 'T0410: Argument 2 of function "hash" does not match function signature'),
        ("$partition([1], -1)", "D3137: Second argument must be zero or greater"),
        ("1 +", "S0207: Unexpected end of expression"),
    ],
)
def test_an_error_of_jsonata_is_told_with_its_code(expression: str, told: str) -> None:
    assert failure(expression) == f" threw an error during evaluation. {told}"


@pytest.mark.parametrize("text", ["", "  ", '{"a":1}{"b":2}', '{"a":1,"a":2}', "1e400", "NaN"])
def test_parse_refuses_what_aws_refuses(text: str) -> None:
    assert failure(f"$parse('{text}')").startswith(" threw an error during evaluation. D3137: Invalid JSON")


TOO_LARGE = "Expression evaluation memory limit exceeded: Check for excessive memory usage"
TOO_DEEP = "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive"


@pytest.mark.parametrize(
    ("expression", "limit"),
    [
        ("[1..873783] ~> $count()", TOO_LARGE),
        ("$range(1, 360146, 1)", TOO_LARGE),
        ("$range(1, 1000000000000, 1)", TOO_LARGE),
        ("($f := function($s, $n){ $n = 0 ? $s : $f($s & $s, $n - 1) }; $f('x', 23))", TOO_LARGE),
        (RECURSION % 32, TOO_DEEP),
        ("1" + " + 1" * 100, TOO_DEEP),
        ("(" * 100 + "1" + ")" * 100, TOO_DEEP),
        ("(" * 20_000 + "1" + ")" * 20_000, TOO_DEEP),
    ],
)
def test_an_expression_that_exceeds_a_limit_is_refused(expression: str, limit: str) -> None:
    assert failure(expression) == f" threw an error during evaluation: {limit}"


def test_an_endless_expression_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonata, "LONGEST_S", 0.05)
    told = failure("($f := function($x){ $f($x + 1) }; $f(1))")
    assert told == " threw an error during evaluation: Expression evaluation timeout: Check for infinite loop"


@pytest.mark.parametrize("expression", ["function($x){$x}", "/a/", "[$sum]"])
def test_a_function_is_no_result(expression: str) -> None:
    assert failure(expression) == " returned an unsupported result type."


@pytest.mark.parametrize(
    ("template", "location"),
    [
        ({"a": {"b": [[1, "{% $no %}"]]}}, "Output/a/b[0][1]"),
        (["{% $no %}"], "Output[0]"),
        ("{%$no%}", "Output"),
    ],
)
def test_an_error_names_the_field_in_the_template(template: Any, location: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        jsonata.evaluate(template, BINDINGS, "Output")
    assert raised.value.location == location
    assert f"specified for the field '{location}'" in raised.value.cause


def test_only_a_text_that_is_an_expression_as_a_whole_is_evaluated() -> None:
    template = {"n": "{% $two %}", "plain": " {% $two %} ", "path": "$.a", "key.$": "$", "list": [None, 0.1, True]}
    assert jsonata.evaluate(template, BINDINGS, "Output") == template | {"n": 2}


def test_the_values_given_are_not_changed() -> None:
    before = repr(BINDINGS)
    evaluated("$states.input ~> |$|{'new': 1}|")
    evaluated("$append($states.input.items, 1)")
    evaluated("$sort($states.input.items.n)")
    assert repr(BINDINGS) == before


def test_expect_refuses_another_type() -> None:
    assert jsonata.expect([1], "array", "{% $a %}", "Items") == [1]
    with pytest.raises(ExpressionError) as raised:
        jsonata.expect({"a": 1}, "array", "{% $a %}", "Items")
    assert raised.value.cause == (
        "The JSONata expression '$a' specified for the field 'Items' returned an unexpected result type."
        " Expected 'array', but was 'object' for value: {\"a\":1}"
    )


def test_threads_evaluate_the_same_expression_with_their_own_values() -> None:
    wrong: list[object] = []

    def work(number: int) -> None:
        for _ in range(30):
            value = jsonata.evaluate("{% $sum($map($n, function($v){$v + 1})) %}", {"n": [number, number]}, "Output")
            if value != 2 * number + 2:
                wrong.append((number, value))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    assert wrong == []


@pytest.mark.parametrize("path", ["$two", "$states", "$states.input", "$states.input.whole", "$photo.key", "$photo.ok"])
def test_a_plain_path_needs_no_library_and_gives_what_the_library_gives(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bindings = {**BINDINGS, "photo": {"key": "a.png", "ok": False, "in": {"empty": {}}}}
    template = "{% " + path + " %}"
    expected = jsonata.evaluate("{% (" + path + ") %}", bindings, "Output")
    monkeypatch.setattr(jsonata, "_compile", None)
    assert jsonata.evaluate(template, bindings, "Output") == expected


@pytest.mark.parametrize("path", ["$states.input.items", "$none", "$missing", "$states.input.items.n", "$odd.in"])
def test_a_path_to_a_list_or_to_nothing_is_left_to_the_library(path: str) -> None:
    assert jsonata._at_path(path, {**BINDINGS, "odd": {"in": 1}}) is None
