"""What is found wrong with a definition, in AWS's words."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.step_functions.definition import check, refusal
from tests.integration.support.definitions.accepted import VALID, WARNED
from tests.integration.support.definitions.builders import FUNCTION, LAST, machine
from tests.integration.support.definitions.refused import REFUSED, REFUSED_AS_EXPRESS


def errors(definition: dict[str, Any] | str, kind: str = "STANDARD") -> list[str]:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    return [problem.sentence() for problem in check(text, kind) if problem.severity == "ERROR"]


@pytest.mark.parametrize("name", VALID)
def test_a_valid_definition_has_no_problem(name: str) -> None:
    assert check(json.dumps(VALID[name])) == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_definition_is_refused(name: str) -> None:
    definition, expected = REFUSED[name]
    assert errors(definition) == expected


@pytest.mark.parametrize("name", REFUSED_AS_EXPRESS)
def test_a_definition_is_refused_for_express_machines(name: str) -> None:
    definition, expected = REFUSED_AS_EXPRESS[name]
    assert errors(definition, "EXPRESS") == expected


@pytest.mark.parametrize("text", ["", "{not json", "{'StartAt': 'A'}", '{"a": NaN}', "[" * 100_000])
def test_what_is_not_json_is_refused(text: str) -> None:
    (problem,) = check(text)
    assert (problem.severity, problem.code, problem.location) == ("ERROR", "INVALID_JSON_DESCRIPTION", None)


def test_several_errors_make_one_sentence() -> None:
    definition = machine({"A": {"Type": "Task", "Resource": "f", "Next": "B"}, **LAST})
    assert refusal(check(json.dumps(definition))) == (
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Value is not a valid resource ARN at "
        "/States/A/Resource, MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next'"
    )


@pytest.mark.parametrize("name", WARNED)
def test_what_aws_warns_of(name: str) -> None:
    definition, code, location = WARNED[name]
    problems = check(json.dumps(definition))
    assert [(one.severity, one.code, one.location) for one in problems] == [("WARNING", code, location)]
    assert refusal(problems) is None


def mutations(node: Any) -> Iterator[Any]:
    """Yield copies of a value in which one part has another type."""
    yield from (None, 0, -1.5, "x", [], {}, True, ["x"], {"x": 1})
    if isinstance(node, dict):
        for name, child in node.items():
            yield from ({**node, name: changed} for changed in mutations(child))
    if isinstance(node, list):
        for number, child in enumerate(node):
            yield from ([*node[:number], changed, *node[number + 1 :]] for changed in mutations(child))


@pytest.mark.parametrize("name", VALID)
def test_no_definition_is_too_strange_to_check(name: str) -> None:
    for changed in mutations(VALID[name]):
        for problem in check(json.dumps(changed)):
            assert problem.sentence()


def test_the_project_s_own_state_machine_is_valid() -> None:
    text = (Path(__file__).parents[4] / "statemachine/image_classification.asl.json").read_text()
    for name in ("SerializeImageData", "ClassifyImage", "FilterInferences"):
        text = text.replace(f"${{{name}Arn}}", FUNCTION)
    assert check(text) == []
