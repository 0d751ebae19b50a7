import pytest

from localcloud.step_functions.expressions import ExpressionError, Scope, templates

SCOPE = Scope({"n": 1, "list": [1, 2]}, {"Execution": {"Name": "run"}}, {"label": "bicycle"})


def test_fields_ending_in_dollar_are_computed_at_every_depth() -> None:
    template = {
        "n.$": "$.n",
        "name.$": "$$.Execution.Name",
        "label.$": "$label",
        "text.$": "States.Format('{}!', $.n)",
        "plain": "$.n",
        "inside": {"again": [{"n.$": "$.n"}, "$.n", 3]},
    }
    assert templates.fill(template, SCOPE, "Parameters") == {
        "n": 1,
        "name": "run",
        "label": "bicycle",
        "text": "1!",
        "plain": "$.n",
        "inside": {"again": [{"n": 1}, "$.n", 3]},
    }


def test_a_template_without_computed_fields_is_itself() -> None:
    assert templates.fill("$.n", SCOPE, "Parameters") == "$.n"


def test_no_match_names_the_field_of_the_template() -> None:
    with pytest.raises(ExpressionError, match=r"States.Runtime: The JSONPath '\$.x' specified for the field 'deep.\$'"):
        templates.fill({"a": {"deep.$": "$.x"}}, SCOPE, "Parameters")


def test_a_computed_field_must_be_text() -> None:
    with pytest.raises(ExpressionError, match="must be a STRING that contains a JSONPath but was an ARRAY"):
        templates.fill({"a.$": ["$.n"]}, SCOPE, "Parameters")
