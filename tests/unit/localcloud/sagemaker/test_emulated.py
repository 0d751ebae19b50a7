"""No member of AWS's requests is lost: it is followed, returned with a line in the ledger, or refused by name."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from localcloud.sagemaker.emulated import EMULATED, HONOURED, WITHOUT_EFFECT, check_emulated
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.validation import service_model
from tests.integration.support.members import MEMBERS

CREATING = (
    "CreateTrainingJob",
    "CreateProcessingJob",
    "CreateModel",
    "CreateEndpointConfig",
    "CreateEndpoint",
    "UpdateEndpoint",
)
SAMPLES = {"string": "x", "boolean": True, "integer": 7, "long": 7, "float": 0.5, "double": 0.5}
# That the Describe calls do not return: tags are listed, UpdateEndpoint's policy is called LastDeploymentConfig.
NOT_DESCRIBED = {"Tags", "DeploymentConfig"}


def input_shape(action: str) -> StructureShape:
    shape = service_model("sagemaker").operation_model(action).input_shape
    assert shape is not None
    return shape


def item_of(shape: Shape) -> Shape:
    """Return the shape of a list's items, and any other shape as it is."""
    return item_of(shape.member) if isinstance(shape, ListShape) else shape


def members(shape: StructureShape, table: Any, path: str = "") -> Iterator[tuple[str, Shape, Any]]:
    """Yield each member as deep as the table goes: its path, its shape, and its entry or "absent"."""
    for name, member in shape.members.items():
        entry = table.get(name, "absent")
        yield f"{path}{name}", member, entry
        item = item_of(member)
        if isinstance(entry, dict) and isinstance(item, StructureShape):
            yield from members(item, entry, f"{path}{name}.")


def sample(shape: Shape) -> Any:
    """Return a value that asks for something."""
    if isinstance(shape, StructureShape):
        return {name: sample(member) for name, member in list(shape.members.items())[:1]}
    if isinstance(shape, ListShape):
        return [sample(shape.member)]
    return {"x": sample(shape.value)} if isinstance(shape, MapShape) else SAMPLES[shape.type_name]


def request_with(path: str, value: Any) -> Any:
    name, _, rest = path.partition(".")
    return {name: request_with(rest, value) if rest else value}


@pytest.mark.parametrize("action", CREATING)
def test_a_member_that_is_not_in_the_table_is_refused_by_name(action: str) -> None:
    absent = [one for one in members(input_shape(action), EMULATED[action]) if one[2] == "absent"]
    assert absent or action == "CreateEndpoint"
    for path, shape, _ in absent:
        with pytest.raises(ServiceError, match=rf"does not emulate {path} of {action}"):
            check_emulated(action, request_with(path, sample(shape)))


@pytest.mark.parametrize("action", CREATING)
def test_the_table_has_only_members_of_the_request(action: str) -> None:
    def names(table: Any, path: str = "") -> Iterator[str]:
        for name, entry in table.items():
            yield f"{path}{name}"
            if isinstance(entry, dict):
                yield from names(entry, f"{path}{name}.")

    assert set(names(EMULATED[action])) <= {path for path, _, _ in members(input_shape(action), EMULATED[action])}


@pytest.mark.parametrize("action", CREATING)
def test_a_member_that_is_taken_is_described(action: str) -> None:
    described = service_model("sagemaker").operation_model(f"Describe{action[6:]}").output_shape
    assert described is not None
    assert set(EMULATED[action]) - NOT_DESCRIBED <= set(described.members)


def test_every_member_without_effect_has_a_line_in_the_ledger() -> None:
    without = {
        (action, path)
        for action in CREATING
        for path, _, entry in members(input_shape(action), EMULATED[action])
        if entry is WITHOUT_EFFECT
    }
    assert without == {(one.action, one.path) for one in MEMBERS}
    assert HONOURED is not WITHOUT_EFFECT


@pytest.mark.parametrize(
    "nothing", [False, 0, "", [], {}, {"EnableRemoteDebug": False}, [{"Enable": False}], {"Deep": {"Deeper": []}}]
)
def test_a_member_that_asks_for_nothing_is_taken(nothing: Any) -> None:
    check_emulated("CreateTrainingJob", {"RemoteDebugConfig": nothing})
