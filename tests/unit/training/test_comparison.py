"""The gate before the endpoint: which models pass, and that a refused one leaves everything as it was."""

import io
import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import MODEL, OURS, Scheduler, client_error, printed, refuse, tags_of
from tests.unit.training.serving import THROTTLED, serve_model, write_photos
from training.config import COMPARISON_ID
from training.context import Context
from training.deploy import deploy
from training.errors import EndpointError, WorseModelError
from training.options import DeployOptions
from training.results import Dataset

PHOTOS = 40
CANDIDATE = "s-candidate"
LABELS = {f"images/test/{number:02}.png": number % 2 for number in range(PHOTOS)}


class Answers:
    """Endpoints that each get the first so many of the photos right."""

    def __init__(self, **right: int) -> None:
        self.right = {name.replace("_", "-"): number for name, number in right.items()}
        self.requests: list[dict[str, Any]] = []

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        key = request["Body"].decode()
        is_right = list(LABELS).index(key) < self.right[request["EndpointName"]]
        label = LABELS[key] if is_right else 1 - LABELS[key]
        return {"Body": io.BytesIO(json.dumps([1.0 - label, float(label)]).encode())}


@pytest.fixture
def dataset(tmp_path: Path, sagemaker: SageMaker) -> Dataset:
    """Forty test photos, and an endpoint in service that saw none of them."""
    dataset = write_photos(tmp_path, LABELS)
    serve_model(sagemaker, dataset)
    return dataset


def answer(context: Context, **right: int) -> Answers:
    answers = Answers(**right)
    context.clients.__dict__["sagemaker_runtime"] = answers
    return answers


def before(sagemaker: SageMaker) -> dict[str, Any]:
    """Return all that a deployment could change."""
    kept = {"endpoints": sagemaker.endpoints, "configs": sagemaker.configs, "models": sagemaker.models}
    return json.loads(json.dumps(kept, default=str))  # type: ignore[no-any-return]


def test_a_worse_model_is_refused_and_leaves_everything_as_it_was(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    was = before(sagemaker)
    answer(context, s=39, s_candidate=30)
    with pytest.raises(WorseModelError) as refused:
        deploy(context, dataset, MODEL, DeployOptions())
    assert str(refused.value) == (
        "The model s-job is worse than s-model, which endpoint s goes on serving: accuracy 0.750 instead of 0.975 on "
        "the same 40 test photos, -22.5 points (95 % interval -37.6 to -8.2, McNemar p = 0.0039); train another "
        "model, or run the step deploy with --accept-worse."
    )
    assert before(sagemaker) == was
    assert sagemaker.calls == ["create", "delete"]  # the candidate


@pytest.mark.parametrize(
    ("in_service", "new", "verdict"),
    [
        (39, 39, "no difference beyond chance"),
        (39, 34, "no difference beyond chance"),  # five photos: p = .0625
        (30, 39, "better"),
    ],
)
def test_a_model_that_is_not_worse_beyond_chance_is_deployed(
    context: Context,
    dataset: Dataset,
    sagemaker: SageMaker,
    monkeypatch: pytest.MonkeyPatch,
    in_service: int,
    new: int,
    verdict: str,
) -> None:
    answers = answer(context, s=in_service, s_candidate=new)
    update = sagemaker.update_endpoint

    def update_answers(**request: Any) -> None:
        answers.right["s"] = new
        update(**request)

    monkeypatch.setattr(sagemaker, "update_endpoint", update_answers)
    deployment = deploy(context, dataset, MODEL, DeployOptions())
    assert f"Compared with s-model: {verdict}, accuracy {new / PHOTOS:.3f} instead of" in printed(context)
    assert deployment.comparison is not None
    assert deployment.comparison.difference == pytest.approx((new - in_service) / PHOTOS)
    assert deployment.comparison.low < deployment.comparison.difference < deployment.comparison.high
    assert deployment.test_accuracy == deployment.comparison.accuracy == new / PHOTOS
    assert sagemaker.calls == ["create", "delete", "update"]
    assert set(sagemaker.endpoints) == {"s"}
    assert set(sagemaker.configs) == {"s-config", deployment.endpoint_config_name}


def test_a_worse_model_is_deployed_when_that_is_accepted(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    answer(context, s=39, s_candidate=30)
    deployment = deploy(context, dataset, MODEL, DeployOptions(accept_worse=True))
    assert deployment.comparison is not None and deployment.comparison.p_value < 0.05
    assert "Compared with s-model: worse, accuracy 0.750 instead of 0.975" in printed(context)
    assert sagemaker.calls == ["create", "delete", "update"]


def test_monitor_can_tell_the_requests_from_traffic(context: Context, dataset: Dataset) -> None:
    answers = answer(context, s=39, s_candidate=30)
    with pytest.raises(WorseModelError):
        deploy(context, dataset, MODEL, DeployOptions())
    assert {request["InferenceId"] for request in answers.requests} == {COMPARISON_ID}
    assert len(answers.requests) == 2 * PHOTOS


def test_the_candidate_has_one_instance_and_captures_nothing(
    context: Context,
    dataset: Dataset,
    sagemaker: SageMaker,
    scheduler: Scheduler,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer(context, s=39, s_candidate=39)
    seen: dict[str, Any] = {}
    create = sagemaker.create_endpoint

    def note(**request: Any) -> None:
        seen.update(request, config=sagemaker.configs[CANDIDATE], schedule=scheduler.schedules[f"{CANDIDATE}-expiry"])
        create(**request)

    monkeypatch.setattr(sagemaker, "create_endpoint", note)
    deploy(context, dataset, MODEL, DeployOptions("ml.c5.large"))
    assert (seen["EndpointName"], seen["Tags"]) == (CANDIDATE, OURS)
    (variant,) = seen["config"]["ProductionVariants"]
    assert (variant["ModelName"], variant["InstanceType"], variant["InitialInstanceCount"]) == (
        MODEL.training_job_name,
        "ml.c5.large",
        1,
    )
    assert "DataCaptureConfig" not in seen["config"]
    assert seen["schedule"]["Target"]["Input"] == '{"EndpointName": "s-candidate"}'
    assert f"{CANDIDATE}-expiry" not in scheduler.schedules  # when the candidate is gone


@pytest.mark.parametrize("expires_in", [timedelta(hours=8), None])
def test_who_may_not_schedule_compares_only_with_an_endpoint_that_never_ends(
    context: Context, dataset: Dataset, sagemaker: SageMaker, scheduler: Scheduler, expires_in: timedelta | None
) -> None:
    answer(context, s=39, s_candidate=39)
    denied = client_error("AccessDeniedException", "not you")
    refuse(scheduler, "update_schedule", denied)
    with nullcontext() if expires_in is None else pytest.raises(EndpointError, match="cannot be scheduled"):
        deploy(context, dataset, MODEL, DeployOptions(expires_in=expires_in))
    assert (sagemaker.calls == []) == (expires_in is not None)
    assert CANDIDATE not in sagemaker.configs


def test_a_stack_without_the_schedule_s_role_compares_too(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    answer(context, s=39, s_candidate=39)
    older = replace(context, stack=replace(context.stack, expiry_role_arn=""))
    deploy(older, dataset, MODEL, DeployOptions(expires_in=None))
    assert sagemaker.calls == ["create", "delete", "update"]


# What is not compared ----------------------------------------------------------------------------------------


def test_the_same_model_again_is_not_compared(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    answer(context, s=39)
    deployment = deploy(context, dataset, replace(MODEL, training_job_name="s-model"), DeployOptions())
    assert deployment.comparison is None
    assert sagemaker.calls == ["update"]


@pytest.mark.parametrize("tags", [OURS, tags_of("s", "g"), []], ids=["older version", "another dataset", "none"])
def test_a_model_of_other_test_photos_is_not_compared(
    context: Context, dataset: Dataset, sagemaker: SageMaker, tags: list[dict[str, str]]
) -> None:
    answer(context, s=39)
    sagemaker.tags[sagemaker.models["s-model"]["ModelArn"]] = tags
    assert deploy(context, dataset, MODEL, DeployOptions()).comparison is None
    assert "not compared with the one that endpoint s serves: it is not known to have been tested" in printed(context)
    assert sagemaker.calls == ["update"]


def test_a_model_of_other_training_photos_is_compared(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    answer(context, s=39, s_candidate=30)
    with pytest.raises(WorseModelError):
        deploy(context, replace(dataset, fingerprint="g"), replace(MODEL, dataset_fingerprint="g"), DeployOptions())


@pytest.mark.parametrize("gone", ["models", "configs"])
def test_a_model_that_is_not_known_any_more_is_not_compared(
    context: Context, dataset: Dataset, sagemaker: SageMaker, gone: str
) -> None:
    answer(context, s=39)
    getattr(sagemaker, gone).clear()
    assert deploy(context, dataset, MODEL, DeployOptions()).comparison is None
    assert "is not compared" in printed(context)


def test_a_model_that_fails_does_not_keep_its_successor_out(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    answers = answer(context, s=39)
    refuse(answers, "invoke_endpoint", client_error("ModelError", "Received server error (500) from primary"))
    assert deploy(context, dataset, MODEL, DeployOptions()).comparison is None
    assert "it fails (" in printed(context)
    assert sagemaker.calls == ["update"]


def test_a_refused_request_is_no_reason_to_skip_the_comparison(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    answers = answer(context, s=39)
    refuse(answers, "invoke_endpoint", THROTTLED)
    with pytest.raises(ClientError, match="Rate exceeded"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == []


# Interrupted runs --------------------------------------------------------------------------------------------


def leave_candidate(sagemaker: SageMaker, model_name: str, instance_type: str = "ml.m5.xlarge") -> None:
    """Make the candidate that a killed run left."""
    variant = {"VariantName": "AllTraffic", "ModelName": model_name, "InstanceType": instance_type}
    sagemaker.create_endpoint_config(CANDIDATE, OURS, ProductionVariants=[variant | {"InitialInstanceCount": 1}])
    sagemaker.create_endpoint(CANDIDATE, CANDIDATE, OURS)
    sagemaker.calls.clear()


@pytest.mark.parametrize(
    ("model_name", "instance_type", "calls"),
    [
        ("s-job", "ml.m5.xlarge", ["delete", "update"]),
        ("s-job", "ml.m5.large", ["delete", "create", "delete", "update"]),
        ("another", "ml.m5.xlarge", ["delete", "create", "delete", "update"]),
    ],
)
def test_the_candidate_of_a_killed_run_is_used_or_replaced(
    context: Context, dataset: Dataset, sagemaker: SageMaker, model_name: str, instance_type: str, calls: list[str]
) -> None:
    answer(context, s=39, s_candidate=39)
    leave_candidate(sagemaker, model_name, instance_type)
    deploy(context, dataset, MODEL, DeployOptions("ml.m5.xlarge"))
    assert sagemaker.calls == calls
    assert set(sagemaker.endpoints) == {"s"}


def test_a_candidate_is_removed_when_nothing_is_compared_any_more(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    """The run was killed after the update: the endpoint has the new model already."""
    answer(context, s=39)
    leave_candidate(sagemaker, "s-model")
    deploy(context, dataset, replace(MODEL, training_job_name="s-model"), DeployOptions())
    assert sagemaker.calls == ["delete", "update"]
    assert CANDIDATE not in sagemaker.configs


def test_a_configuration_without_its_candidate_is_replaced(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    answer(context, s=39, s_candidate=39)
    sagemaker.create_endpoint_config(CANDIDATE, OURS, ProductionVariants=[])
    deploy(context, dataset, MODEL, DeployOptions())
    assert CANDIDATE not in sagemaker.configs


def test_an_interruption_removes_the_candidate(
    context: Context, dataset: Dataset, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = answer(context, s=39, s_candidate=39)
    real = answers.invoke_endpoint

    def interrupted(**request: Any) -> dict[str, Any]:
        if request["EndpointName"] == CANDIDATE:
            raise KeyboardInterrupt
        return real(**request)

    monkeypatch.setattr(answers, "invoke_endpoint", interrupted)
    with pytest.raises(KeyboardInterrupt):
        deploy(context, dataset, MODEL, DeployOptions())
    assert set(sagemaker.endpoints) == {"s"}


def test_a_candidate_that_does_not_start_leaves_the_endpoint_alone(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    was = before(sagemaker)
    answer(context, s=39)
    sagemaker.next_statuses = ["Creating", "Failed"]
    with pytest.raises(EndpointError, match=r"s-job did not come into service on endpoint s-candidate.*: no memory"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert before(sagemaker)["endpoints"] == was["endpoints"]
    assert before(sagemaker)["configs"] == was["configs"]


def test_another_stack_s_endpoint_of_the_candidate_s_name_is_left_alone(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    answer(context, s=39, s_candidate=39)
    sagemaker.create_endpoint(CANDIDATE, "theirs", tags_of("s-2", "f"))
    sagemaker.calls.clear()
    with pytest.raises(EndpointError, match="s-candidate was not made by stack s"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == []
