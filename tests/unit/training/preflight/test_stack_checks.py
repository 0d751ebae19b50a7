"""Names, the endpoint's owner and the algorithm's image."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import OURS, STACK, THEIRS, client_error, make_context, refuse
from training.errors import TrainingJobError
from training.preflight.check import NOT_CHECKED, PASSED, PROBLEM
from training.preflight.image import check_image
from training.preflight.names import check_names
from training.preflight.ownership import check_owner


def test_names_that_leave_room_pass() -> None:
    stack = replace(STACK, name="s" * 47, endpoint_name="e" * 47)
    assert [check.outcome for check in check_names(stack)] == [PASSED, PASSED]


@pytest.mark.parametrize("name", ["x" * 48, "a_b", "-a", "a-", ""])
def test_names_that_sagemaker_refuses_are_problems(name: str) -> None:
    checks = check_names(replace(STACK, name=name, endpoint_name=name))
    assert [check.outcome for check in checks] == [PROBLEM, PROBLEM]
    assert checks[1].remedy == "deploy the stack with another EndpointName"


def test_a_long_name_is_named_with_the_limit() -> None:
    _, endpoint = check_names(replace(STACK, endpoint_name="x" * 48))
    assert endpoint.finding == (
        f"{'x' * 48} has 48 characters, and at most 47 leave room for {'x' * 48}-YYYYMMDD-HHMMSS"
    )


def test_an_endpoint_s_name_that_is_free_passes(tmp_path: Path) -> None:
    check, exists = check_owner(make_context(tmp_path, sagemaker=SageMaker()), "s", "owner")
    assert (check.outcome, check.finding, exists) == (PASSED, "s does not exist yet", False)


def test_this_stack_s_endpoint_will_be_updated(tmp_path: Path) -> None:
    sagemaker = SageMaker()
    sagemaker.create_endpoint("s", "s-config", OURS)
    check, exists = check_owner(make_context(tmp_path, sagemaker=sagemaker), "s", "owner")
    assert (check.outcome, exists) == (PASSED, True)


@pytest.mark.parametrize(("tags", "owner"), [(THEIRS, "stack s-2"), ([], "somebody else")])
def test_another_s_endpoint_is_a_problem(tmp_path: Path, tags: list[dict[str, str]], owner: str) -> None:
    sagemaker = SageMaker()
    sagemaker.create_endpoint("s", "s-config", tags)
    check, exists = check_owner(make_context(tmp_path, sagemaker=sagemaker), "s", "owner")
    assert (check.outcome, exists) == (PROBLEM, False)
    assert check.finding == f"s was made by {owner}, not by stack s"
    assert check.remedy == "deploy this stack with another EndpointName"


def test_an_endpoint_that_may_not_be_described_is_not_checked(tmp_path: Path) -> None:
    sagemaker = SageMaker()
    refuse(sagemaker, "describe_endpoint", client_error("AccessDeniedException", "not you"))
    check, _ = check_owner(make_context(tmp_path, sagemaker=sagemaker), "s", "owner")
    assert (check.outcome, check.finding) == (NOT_CHECKED, "AccessDeniedException: not you")


def test_an_image_passes_with_its_uri() -> None:
    check = check_image(lambda: "1.dkr.ecr.eu-west-1.amazonaws.com/x:1")
    assert (check.outcome, check.finding) == (PASSED, "1.dkr.ecr.eu-west-1.amazonaws.com/x:1")


def test_a_region_without_the_image_is_a_problem() -> None:
    def find() -> str:
        raise TrainingJobError("The algorithm has no image in mx-central-1: deploy the stack in another region.")

    check = check_image(find)
    assert check.outcome == PROBLEM
    assert check.finding == "The algorithm has no image in mx-central-1"
    assert check.remedy == "deploy the stack in another region"
