"""The endpoint: whose it is, how it is created, updated or replaced, and what it says when that fails."""

import pytest
from botocore.exceptions import ClientError
from sagemaker.core.resources import Endpoint

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import MODEL, OURS, Clock, Logs, client_error, printed, refuse, tags_of
from tests.unit.training.serving import THROTTLED, serve
from training import endpoint as module
from training.context import Context, sdk_arguments
from training.deploy import deploy
from training.errors import EndpointError
from training.options import DeployOptions
from training.results import Dataset


def test_an_endpoint_in_service_is_updated_in_place(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    serve(sagemaker)
    deployment = deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == ["update"]
    assert sagemaker.endpoints["s"]["EndpointConfigName"] == deployment.endpoint_config_name != "s-old"


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_an_endpoint_that_failed_is_recreated(
    context: Context, dataset: Dataset, sagemaker: SageMaker, status: str
) -> None:
    serve(sagemaker, status)
    deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == ["delete", "create"]


@pytest.mark.parametrize(("tags", "owner"), [([{"Key": "stack", "Value": "s-2"}], "s-2"), ([], "somebody else")])
def test_an_endpoint_of_another_stack_is_left_alone(
    context: Context, dataset: Dataset, sagemaker: SageMaker, tags: list[dict[str, str]], owner: str
) -> None:
    serve(sagemaker, tags=tags)
    with pytest.raises(EndpointError, match=rf"not made by stack s \(but by {owner}\): .*another EndpointName"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == []


def test_an_endpoint_that_does_not_start_shows_its_log(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    sagemaker.next_statuses = ["Creating", "Failed"]
    with pytest.raises(EndpointError, match="s did not come into service: no memory"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert "Last lines of /aws/sagemaker/Endpoints/s:\n  line 0\n  line 1" in printed(context)


def test_an_update_that_was_rolled_back_is_no_success(
    context: Context, dataset: Dataset, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(sagemaker)
    monkeypatch.setattr(sagemaker, "update_endpoint", lambda **_: None)  # the old configuration stays in service
    with pytest.raises(EndpointError, match="did not come into service"):
        deploy(context, dataset, MODEL, DeployOptions())


def test_an_endpoint_without_a_log_fails_with_its_reason(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    sagemaker.next_statuses = ["Failed"]
    context.clients.__dict__["logs"] = Logs([], group="another")
    with pytest.raises(EndpointError, match="no memory"):
        deploy(context, dataset, MODEL, DeployOptions())


def test_an_endpoint_that_never_settles_is_given_up(
    context: Context, dataset: Dataset, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sagemaker.next_statuses, clock = ["Creating"], Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module, "POLL_SECONDS", 60.0)
    with pytest.raises(EndpointError, match="s is still Creating after 1800 s"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert clock.now == 1800


def test_an_updated_endpoint_has_the_new_dataset_s_tag(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    serve(sagemaker, tags=tags_of("s", "g"))
    deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.tags[sagemaker.endpoints["s"]["EndpointArn"]] == OURS


def test_a_throttled_wait_does_not_take_the_old_status_for_the_new_one(context: Context, sagemaker: SageMaker) -> None:
    serve(sagemaker)
    endpoint = Endpoint.get("s", **sdk_arguments(context))
    assert endpoint is not None and endpoint.endpoint_status == "InService"
    sagemaker.endpoints["s"]["statuses"] = ["Updating", "Failed"]
    refuse(sagemaker, "describe_endpoint", THROTTLED)
    module.wait_until_settled(endpoint)
    assert endpoint.endpoint_status == "Failed"


def test_a_denied_wait_says_so(context: Context, sagemaker: SageMaker) -> None:
    serve(sagemaker)
    endpoint = Endpoint.get("s", **sdk_arguments(context))
    assert endpoint is not None
    refuse(sagemaker, "describe_endpoint", client_error("AccessDeniedException", "not you"))
    with pytest.raises(ClientError, match="not you"):
        module.wait_until_settled(endpoint)


def test_a_log_that_cannot_be_read_does_not_hide_why_the_endpoint_failed(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    sagemaker.next_statuses = ["Failed"]
    refuse(context.clients.logs, "describe_log_streams", THROTTLED)
    with pytest.raises(EndpointError, match="no memory"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert "/aws/sagemaker/Endpoints/s cannot be read:" in printed(context)
