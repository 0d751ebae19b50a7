from typing import Any

import pytest

from localcloud.step_functions.expressions import ExpressionError, Scope, paths

DATA = {
    "a": {"b": [1, 2, {"c": 3}]},
    "list": [{"keep": True, "n": 1}, {"keep": False, "n": 5}, {"other": 1}],
    "nothing": None,
    "numbers": [1, 2, 3],
    "text": "x",
    "two words": 4,
}
SCOPE = Scope(DATA, {"Execution": {"Name": "run"}}, {"found": {"labels": ["bicycle"]}})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DATA),
        ("$.a.b[0]", 1),
        ("$['a'][\"b\"][2].c", 3),
        ("$.a.['b'][1]", 2),
        ("$['two words']", 4),
        ("$.nothing", None),
        ("$.numbers[-1]", 3),
        ("$['text','two words','missing']", {"text": "x", "two words": 4}),
        ("$$.Execution.Name", "run"),
        ("$found.labels[0]", "bicycle"),
        ("$found", {"labels": ["bicycle"]}),
    ],
)
def test_a_definite_path_gives_the_value(path: str, value: Any) -> None:
    assert paths.read(path, SCOPE, "x.$") == value


# The filters and `..` were run on Step Functions Local: https://github.com/floci-io/floci/issues/3260
@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$.list[*].n", [1, 5]),
        ("$.list.*.n", [1, 5]),
        ("$.numbers[1:]", [2, 3]),
        ("$.numbers[-2:]", [2, 3]),
        ("$.numbers[0,2]", [1, 3]),
        ("$.numbers[9:]", []),
        ("$.list[?(@.keep)]", [{"keep": True, "n": 1}, {"keep": False, "n": 5}]),
        ("$.list[?(@.keep == true)]", [{"keep": True, "n": 1}]),
        ("$.list[?(@.n >= 5)].n", [5]),
        ("$.list[?(@['n'] == 1 || @.other)].keep", [True]),
        ("$.list[?(@.n == $.numbers[0])].n", [1]),
        ("$.numbers[?(@ > 1)]", []),  # "The @ operator [...] only matches objects."
        ("$.a[?(@.b)]", [{"b": [1, 2, {"c": 3}]}]),  # of an object a filter tests the object itself
        ("$.a..c", [3]),
        ("$..c", [3]),
        ("$..nowhere", []),
        ("$[*].nowhere", []),
    ],
)
def test_an_indefinite_path_gives_a_list(path: str, values: list[Any]) -> None:
    assert paths.read(path, SCOPE, "x.$") == values


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("$.nowhere", "No results for path: $['nowhere']"),
        ("$.a.nowhere", "No results for path: $['a']['nowhere']"),
        ("$.nowhere.b", "Missing property in path $['nowhere']"),
        ("$.nowhere[*]", "Missing property in path $['nowhere']"),
        ("$.numbers[3]", "No results for path: $['numbers'][3]"),
        ("$.numbers[-4]", "No results for path: $['numbers'][-4]"),
    ],
)
def test_no_match_of_a_filter_is_told_as_the_jsonpath_library_tells_it(path: str, sentence: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        paths.read(path, SCOPE, "InputPath")
    assert (raised.value.error, raised.value.cause) == ("States.Runtime", f"Invalid path '{path}' : {sentence}")


@pytest.mark.parametrize(
    "path", ["$.text.x", "$.text[0]", "$.text[0:1]", "$.nothing.x", "$.numbers.x", "$.numbers.sum()"]
)
def test_a_path_into_a_value_of_another_type_has_no_match(path: str) -> None:
    with pytest.raises(ExpressionError, match=r"States.Runtime: The JSONPath '.*' specified for the field 'x.\$'"):
        paths.read(path, SCOPE, "x.$")
    assert not paths.exists(path, SCOPE)


def test_no_match_of_a_template_names_field_path_and_input() -> None:
    scope = Scope({"flagged": False, "name": "Zoë"})
    with pytest.raises(ExpressionError) as raised:
        paths.read("$.application.address", scope, "address.$")
    assert raised.value.cause == (
        "The JSONPath '$.application.address' specified for the field 'address.$' could not be found in the input"
        ' \'{"flagged":false,"name":"Zoë"}\''
    )


def test_no_match_in_the_context_object_shows_the_context_object() -> None:
    with pytest.raises(
        ExpressionError, match=r"""'\$\$.Task.Token' .* in the input '\{"Execution":\{"Name":"run"\}\}'"""
    ):
        paths.read("$$.Task.Token", SCOPE, "token.$")


def test_no_match_of_a_choice_rule_says_so() -> None:
    with pytest.raises(ExpressionError) as raised:
        paths.read("$.nowhere", SCOPE, paths.CHOICE_RULE)
    sentence = "Invalid path '$.nowhere': The choice state's condition path references an invalid value."
    assert raised.value.cause == sentence


@pytest.mark.parametrize("path", ["", "a.b", "$.list[?(@.keep", "$.list[", "$.a b["])
def test_text_that_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ExpressionError, match=r"States\.Runtime: Invalid path"):
        paths.read(path, SCOPE, "InputPath")


def test_null_exists() -> None:
    assert paths.exists("$.nothing", SCOPE)
    assert not paths.exists("$found.nothing", SCOPE)


@pytest.mark.parametrize(
    ("path", "data", "written"),
    [
        ("$", {"a": 1}, 7),
        ("$.b", {"a": 1}, {"a": 1, "b": 7}),
        ("$.a", {"a": 1, "b": 2}, {"a": 7, "b": 2}),
        ("$.a.b.c", {"a": {"x": 1}}, {"a": {"x": 1, "b": {"c": 7}}}),
        ("$['a b'].c", {}, {"a b": {"c": 7}}),
        ("$[1].p", [1, {"id": 2}], [1, {"id": 2, "p": 7}]),
        ("$.a[0]", {"a": [1, 2]}, {"a": [7, 2]}),
    ],
)
def test_writing_gives_a_new_document(path: str, data: Any, written: Any) -> None:
    before = repr(data)
    assert paths.write(path, data, 7) == written
    assert repr(data) == before


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("$.x", "text"),
        ("$.x", [1]),
        ("$.x", None),
        ("$.a.b", {"a": 1}),
        ("$.a.b", {"a": None}),
        ("$[2]", [1]),
        ("$.a[0]", {}),
    ],
)
def test_writing_into_something_that_is_no_object_is_a_match_failure(path: str, data: Any) -> None:
    with pytest.raises(ExpressionError) as raised:
        paths.write(path, data, 7)
    assert raised.value.error == "States.ResultPathMatchFailure"
    assert raised.value.cause == f"Unable to apply ReferencePath {path} to input {paths.compact(data)}"


@pytest.mark.parametrize("path", ["$.a[*]", "$..a", "$$.a", "$name", "$['a','b']"])
def test_only_reference_paths_are_written_to(path: str) -> None:
    with pytest.raises(ExpressionError, match="must be a reference path"):
        paths.write(path, {"a": [1]}, 7)
