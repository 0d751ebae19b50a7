import warnings
from collections.abc import Iterator
from typing import Any

import botocore.model
import pytest

from localcloud.sagemaker import validation
from localcloud.sagemaker.emulated import EMULATED, check_emulated
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.validation import compiled, service_model, validate

SAGEMAKER = service_model("sagemaker")
LIST = {"type": "list", "member": {"shape": "Text"}, "min": 2, "max": 4}


def input_shape(action: str) -> botocore.model.Shape:
    model = service_model("sagemaker-runtime") if action == "InvokeEndpoint" else SAGEMAKER
    shape = model.operation_model(action).input_shape
    assert shape is not None
    return shape


def shapes(shape: botocore.model.Shape) -> Iterator[botocore.model.Shape]:
    """Yield a shape and all that it is made of."""
    yield shape
    members: list[botocore.model.Shape] = []
    if isinstance(shape, botocore.model.StructureShape):
        members = list(shape.members.values())
    elif isinstance(shape, botocore.model.ListShape):
        members = [shape.member]
    elif isinstance(shape, botocore.model.MapShape):
        members = [shape.key, shape.value]
    for member in members:
        yield from shapes(member)


def refusal(action: str, params: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        validate(params, input_shape(action))
    return f"{caught.value.code}: {caught.value}"


@pytest.mark.parametrize("action", ["CreateTrainingJob", "CreateModel", "CreateEndpointConfig", "ListTags", "AddTags"])
def test_every_pattern_of_the_model_can_be_compiled(action: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for shape in shapes(input_shape(action)):
            if pattern := shape.metadata.get("pattern"):
                compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"\p{ASCII}*", "a=1; b", "é"),
        (r"\A\S[\p{Print}]*\z", "an id", " id"),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "Größe 1", "a#b"),
        (r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*", "a-b", "a-"),
        (r".*", "one line", "two\nlines"),
        (r"[\u0020-\uD7FF\uD800\uDC00-\uDBFF\uDFFF]*", "a 🚲", "a\nb"),
    ],
)
def test_java_s_patterns_mean_what_they_mean_to_aws(pattern: str, good: str, bad: str) -> None:
    assert compiled(pattern).fullmatch(good)
    assert not compiled(pattern).fullmatch(bad)


def test_a_missing_member_is_null() -> None:
    assert refusal("DescribeModel", {}) == (
        "ValidationException: 1 validation error detected: Value null at 'modelName' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_all_violations_are_in_one_sentence() -> None:
    told = refusal("ListModels", {"MaxResults": 101, "NameContains": "a" * 64, "SortBy": "Size"})
    assert told.startswith("ValidationException: 3 validation errors detected: Value 'Size' at 'sortBy' failed to")
    assert "'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100" in told
    assert "'nameContains' failed to satisfy constraint: Member must have length less than or equal to 63" in told


def test_members_of_lists_are_numbered_from_one() -> None:
    tags = [{"Key": "k", "Value": "v"}, {"Key": "", "Value": "v"}]
    assert "at 'tags.2.member.key'" in refusal("AddTags", {"ResourceArn": "arn:aws:sagemaker:x", "Tags": tags})


@pytest.mark.parametrize("params", [[], {"ModelName": 5}, {"ModelName": True}, {"ModelNam": "m"}])
def test_wrong_types_are_no_validation_errors(params: Any) -> None:
    assert refusal("DescribeModel", params).startswith("SerializationException")


@pytest.mark.parametrize(
    ("shape", "value", "violations"),
    [
        ({"type": "string", "min": 2, "max": 4}, "a", ["Member must have length greater than or equal to 2"]),
        ({"type": "string", "min": 2, "max": 4}, "ab", []),
        ({"type": "string", "min": 2, "max": 4}, "abcd", []),
        ({"type": "string", "min": 2, "max": 4}, "abcde", ["Member must have length less than or equal to 4"]),
        (LIST, ["x"], ["Member must have length greater than or equal to 2"]),
        (LIST, ["x"] * 2, []),
        (LIST, ["x"] * 4, []),
        (LIST, ["x"] * 5, ["Member must have length less than or equal to 4"]),
        ({"type": "integer", "min": 2, "max": 4}, 1, ["Member must have value greater than or equal to 2"]),
        ({"type": "integer", "min": 2, "max": 4}, 2, []),
        ({"type": "integer", "min": 2, "max": 4}, 4, []),
        ({"type": "integer", "min": 2, "max": 4}, 5, ["Member must have value less than or equal to 4"]),
    ],
)
def test_limits_are_inclusive(shape: dict[str, Any], value: Any, violations: list[str]) -> None:
    model: Any = {"Value": shape, "Text": {"type": "string"}}  # botocore's stubs take finished shapes only
    found = validation.violations(value, botocore.model.ShapeResolver(model).get_shape_by_name("Value"), "value")
    assert [sentence.partition("constraint: ")[2] for sentence in found] == violations


def test_a_boolean_is_no_number() -> None:
    assert refusal("ListModels", {"MaxResults": True}).startswith("SerializationException")


def members(emulated: dict[str, Any], shape: Any, path: str) -> Iterator[str]:
    """Yield the members of the table that the model does not have."""
    structure: Any = shape.member if isinstance(shape, botocore.model.ListShape) else shape
    for name, below in emulated.items():
        if name not in structure.members:
            yield f"{path}.{name}"
        elif isinstance(below, dict):
            yield from members(below, structure.members[name], f"{path}.{name}")


@pytest.mark.parametrize("action", EMULATED)
def test_the_table_of_what_is_honoured_names_members_of_the_model(action: str) -> None:
    assert list(members(EMULATED[action], input_shape(action), action)) == []


def test_what_asks_for_nothing_may_be_there() -> None:
    check_emulated("CreateTrainingJob", {"EnableNetworkIsolation": False, "DebugRuleConfigurations": []})


def test_the_first_member_that_would_be_ignored_is_named() -> None:
    config = {"ProductionVariants": [{"VariantName": "A"}, {"VariantName": "B", "ServerlessConfig": {"x": 1}}]}
    with pytest.raises(ServiceError, match=r"emulate ProductionVariants.ServerlessConfig of CreateEndpointConfig\."):
        check_emulated("CreateEndpointConfig", config)
