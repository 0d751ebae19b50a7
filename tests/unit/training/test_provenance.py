"""Whose model the endpoint serves: the steps that use it refuse one of another dataset."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import DATASET, OURS, RESULTS, client_error, make_context, refuse, tags_of
from training.context import Context
from training.errors import CaptureError, EndpointError, MissingEndpointError
from training.executions import run_executions
from training.monitor import monitor
from training.options import ExecutionsOptions, MonitorOptions
from training.provenance import check_served_dataset


@pytest.fixture
def sagemaker() -> SageMaker:
    return SageMaker()


@pytest.fixture
def context(sagemaker: SageMaker, tmp_path: Path) -> Context:
    return make_context(tmp_path, sagemaker=sagemaker)


def test_a_model_of_the_staged_dataset_is_accepted(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", OURS)
    check_served_dataset(context, DATASET)


@pytest.mark.parametrize("tags", [tags_of("s", "g"), OURS[:1], []], ids=["another", "without", "no tags"])
def test_any_other_model_is_refused(context: Context, sagemaker: SageMaker, tags: list[dict[str, str]]) -> None:
    sagemaker.serve("s", tags)
    with pytest.raises(EndpointError, match=r"serves the model s-model, .* staged dataset \(bicycle, motorcycle\)"):
        check_served_dataset(context, DATASET)


def test_the_model_counts_and_not_the_endpoint_s_own_tags(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", OURS)
    sagemaker.tags[sagemaker.endpoints["s"]["EndpointArn"]] = tags_of("s", "g")
    check_served_dataset(context, DATASET)


def test_every_variant_counts(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", OURS)
    sagemaker.create_model("another", tags_of("s", "g"), ExecutionRoleArn="r")
    sagemaker.configs["s-config"]["ProductionVariants"].append({"ModelName": "another"})
    with pytest.raises(EndpointError, match="serves the model another"):
        check_served_dataset(context, DATASET)


def test_a_missing_endpoint_has_an_error_of_its_own(context: Context) -> None:
    with pytest.raises(MissingEndpointError, match=r"no endpoint s: run `python training/run\.py deploy` first"):
        check_served_dataset(context, DATASET)


def test_a_throttled_description_is_no_missing_endpoint(context: Context, sagemaker: SageMaker) -> None:
    refuse(sagemaker, "describe_endpoint", client_error("ThrottlingException", "Rate exceeded"))
    with pytest.raises(ClientError, match="Rate exceeded"):
        check_served_dataset(context, DATASET)


# The steps ---------------------------------------------------------------------------------------------------


def test_no_execution_starts_on_a_model_of_another_dataset(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", tags_of("s", "g"))
    with pytest.raises(EndpointError, match="not trained on the staged dataset"):
        run_executions(context, DATASET, ExecutionsOptions(1))  # no other client is given: none is asked


def test_no_report_is_written_on_a_model_of_another_dataset(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", tags_of("s", "g"))
    with pytest.raises(EndpointError, match="not trained on the staged dataset"):
        monitor(context, RESULTS, MonitorOptions(0))
    assert not (context.directory / "report").exists()


def test_captures_are_reported_after_the_endpoint_is_gone(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_captures(*_: Any) -> None:
        raise CaptureError("reached")

    monkeypatch.setattr("training.monitor.collect", no_captures)
    (tmp_path / "images.csv").write_text("split,filename,label,class_name,row,s3_key\ntest,a.png,0,bicycle,0,a\n")
    results = replace(RESULTS, dataset=replace(DATASET, directory=str(tmp_path)))
    with pytest.raises(CaptureError, match="reached"):
        monitor(context, results, MonitorOptions(0))
