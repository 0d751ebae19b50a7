"""The check of Application Auto Scaling, before anything is created."""

from tests.unit.training.fakes import client_error, refuse
from tests.unit.training.instances import AutoScaling
from training.preflight.check import PASSED, PROBLEM
from training.preflight.scaling import check_scaling


def test_a_fixed_number_asks_nobody() -> None:
    assert check_scaling(None, "s", (2, 2)) == []  # type: ignore[arg-type]


def test_a_range_needs_an_answer() -> None:
    (found,) = check_scaling(AutoScaling(), "s", (1, 4))  # type: ignore[arg-type]
    assert found.outcome == PASSED


def test_a_service_that_refuses_is_a_problem_with_a_way_out() -> None:
    client = AutoScaling()
    sentence = "The local cloud does not emulate application-autoscaling."
    refuse(client, "describe_scalable_targets", client_error("UnknownOperationException", sentence))
    (found,) = check_scaling(client, "s", (1, 4))  # type: ignore[arg-type]
    assert found.outcome == PROBLEM
    assert found.finding == f"UnknownOperationException: {sentence} (needed for --instances 1-4)"
    assert found.remedy == "have your policies allow application-autoscaling, or give one number: --instances 1"
