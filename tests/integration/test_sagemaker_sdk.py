"""AWS's own SDK, `sagemaker.core.resources`: the calls of the training steps, and others of these resources."""

import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    CaptureOption,
    Channel,
    ContainerDefinition,
    DataCaptureConfig,
    DataSource,
    OutputDataConfig,
    ProductionVariant,
    ResourceConfig,
    S3DataSource,
    StoppingCondition,
)

from tests.integration.support.clouds import only_local
from tests.integration.support.endpoints import captured
from tests.integration.support.iam import TRAIN_AND_SERVE, create_role
from tests.integration.support.photos import png, stage_photos
from tests.integration.support.training_jobs import CHANNELS, IMAGE, hyperparameters
from tests.integration.support.waiting import wait_for

ledger = pytest.mark.aws
NAME = "sdk-test"


@pytest.fixture(scope="module", autouse=True)
def hosts(aws: dict[str, str]) -> Iterator[set[str]]:
    """Yield the hosts that this process looks up or connects to while the tests of this file run."""
    asked: set[str] = set()
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connecting(self: socket.socket, address: Any) -> None:
        asked.add(str(address[0]))
        connect(self, address)

    def looking_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        asked.add(str(host))
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connecting)
        patch.setattr(socket, "getaddrinfo", looking_up)
        yield asked


@pytest.fixture(scope="module")
def bucket(aws: dict[str, str]) -> str:
    name = f"{NAME}-data"
    boto3.client("s3").create_bucket(Bucket=name)
    stage_photos(name, train=10, validation=10)
    return name


@pytest.fixture(scope="module")
def role(aws: dict[str, str]) -> str:
    return create_role(f"{NAME}-role", "sagemaker", TRAIN_AND_SERVE)


def channel(name: str, uri: str) -> Channel:
    source = S3DataSource(s3_data_type="S3Prefix", s3_uri=uri, s3_data_distribution_type="FullyReplicated")
    return Channel(channel_name=name, content_type="application/x-image", data_source=DataSource(s3_data_source=source))


@pytest.fixture(scope="module")
def job(bucket: str, role: str) -> TrainingJob:
    """Return a job that was created; it may still run."""
    created = TrainingJob.create(
        training_job_name=NAME,
        role_arn=role,
        algorithm_specification=AlgorithmSpecification(training_image=IMAGE, training_input_mode="File"),
        hyper_parameters=hyperparameters(num_training_samples="10", epochs="1"),
        input_data_config=[channel(name, f"s3://{bucket}/{key}") for name, key in CHANNELS.items()],
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/models"),
        resource_config=ResourceConfig(instance_type="ml.g4dn.xlarge", instance_count=1, volume_size_in_gb=10),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    )
    assert created is not None
    return created


@ledger(
    "SageMaker",
    "sagemaker.core TrainingJob: create, get, refresh, wait, wait(logs=True), stop, delete, get_all",
    "exact",
)
def test_a_job_s_log_is_streamed_while_waiting(job: TrainingJob, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sagemaker")
    job.wait(poll=1, logs=True)
    assert job.training_job_status == "Completed"
    assert "Epoch[0] Validation-accuracy" in caplog.text


def test_a_job_is_found_again(job: TrainingJob) -> None:
    job.wait(poll=1)
    found = TrainingJob.get(training_job_name=NAME)
    assert found is not None
    assert found.model_artifacts.s3_model_artifacts.endswith(f"/models/{NAME}/output/model.tar.gz")
    assert {metric.metric_name for metric in found.final_metric_data_list} == {"train:accuracy", "validation:accuracy"}
    assert NAME in [one.training_job_name for one in TrainingJob.get_all(name_contains=NAME, status_equals="Completed")]
    with pytest.raises(ClientError, match="rejected because the training job is in status Completed"):
        job.stop()


@pytest.fixture(scope="module")
def endpoint(job: TrainingJob, bucket: str, role: str) -> Iterator[Endpoint]:
    job.wait(poll=1)
    for name in (NAME, f"{NAME}-2"):
        Model.create(
            model_name=name,
            primary_container=ContainerDefinition(image=IMAGE, model_data_url=job.model_artifacts.s3_model_artifacts),
            execution_role_arn=role,
        )
        EndpointConfig.create(
            endpoint_config_name=name,
            production_variants=[
                ProductionVariant(
                    variant_name="AllTraffic", model_name=name, instance_type="ml.m5.large", initial_instance_count=1
                )
            ],
            data_capture_config=DataCaptureConfig(
                enable_capture=True,
                initial_sampling_percentage=100,
                destination_s3_uri=f"s3://{bucket}/captured",
                capture_options=[CaptureOption(capture_mode="InputAndOutput")],
            ),
        )
    created = Endpoint.create(endpoint_name=NAME, endpoint_config_name=NAME)
    assert created is not None
    created.wait_for_status("InService", poll=1)
    yield created
    for name in (NAME, f"{NAME}-2"):
        EndpointConfig.get(name).delete()
        Model.get(name).delete()


@ledger(
    "SageMaker",
    "sagemaker.core Model, EndpointConfig, Endpoint: create, get, refresh, wait_for_status, invoke, "
    "update, delete, wait_for_delete, get_all",
    "exact",
)
def test_an_endpoint_answers(endpoint: Endpoint, bucket: str) -> None:
    answer = endpoint.invoke(body=png(1), content_type="image/png", inference_id="sdk")
    assert len(json.loads(answer.body.read())) == 2
    assert answer.invoked_production_variant == "AllTraffic"
    records = wait_for(lambda: captured(bucket, NAME))
    assert set(records[0]["captureData"]) == {"endpointInput", "endpointOutput"}


def test_an_endpoint_is_updated(endpoint: Endpoint) -> None:
    endpoint.endpoint_config_name = f"{NAME}-2"
    endpoint.update()
    endpoint.wait_for_status("InService", poll=1)
    assert endpoint.endpoint_config_name == f"{NAME}-2"


def test_everything_is_listed(endpoint: Endpoint) -> None:
    assert NAME in [one.endpoint_name for one in Endpoint.get_all(name_contains=NAME)]
    assert {NAME, f"{NAME}-2"} <= {one.endpoint_config_name for one in EndpointConfig.get_all(name_contains=NAME)}
    assert {NAME, f"{NAME}-2"} <= {one.model_name for one in Model.get_all(name_contains=NAME)}
    assert EndpointConfig.get(NAME).data_capture_config.initial_sampling_percentage == 100


def test_an_endpoint_is_deleted(endpoint: Endpoint) -> None:
    endpoint.delete()
    endpoint.wait_for_delete(poll=1)
    with pytest.raises(ClientError, match="Could not find endpoint"):
        Endpoint.get(NAME)


def test_a_job_is_deleted(job: TrainingJob) -> None:
    job.wait(poll=1)
    job.delete()
    with pytest.raises(ClientError, match="Requested resource not found"):
        TrainingJob.get(NAME)


@only_local
@ledger("SageMaker", "sagemaker.core sends no telemetry", "exact")
def test_no_other_host_was_asked(endpoint: Endpoint, hosts: set[str]) -> None:
    assert hosts == {"127.0.0.1"}
