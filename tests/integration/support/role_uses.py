"""What needs the permissions of the stack's roles. Each use returns the problem that it met, "" for none."""

import json
from contextlib import suppress
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.endpoints import captured, container_definition, settled_endpoint
from tests.integration.support.logs import log_of
from tests.integration.support.own_code import code_job_request
from tests.integration.support.photos import png
from tests.integration.support.role_policies import System
from tests.integration.support.schedules import endpoint_exists, request, schedule_exists
from tests.integration.support.training_jobs import ended_job, hyperparameters, job_request
from tests.integration.support.waiting import wait_for

JOB_LOGS = "/aws/sagemaker/TrainingJobs"
METRIC = {"Name": "loss", "Regex": "loss=([0-9.]+)"}


# Training ------------------------------------------------------------------------------------------------------


def train(system: System) -> str:
    """Run a short training job of the built-in algorithm."""
    parameters = hyperparameters(num_training_samples="10", epochs="1")
    request = job_request(new_name(system), system.bucket, sagemaker_role(system), HyperParameters=parameters)
    return run(request)


def run_code(system: System) -> str:
    """Run a job whose code comes from the bucket, on AWS's PyTorch image; it takes no time to train."""
    return run(code_job(system))


def log_a_job(system: System) -> str:
    """Run a job that logs, into a group that does not exist yet."""
    with suppress(ClientError):
        boto3.client("logs").delete_log_group(logGroupName=JOB_LOGS)
    request = code_job(system)
    run(request)
    return "" if log_of(JOB_LOGS, f"{request['TrainingJobName']}/") else "no log"


def measure_a_job(system: System) -> str:
    request = code_job(system, MetricDefinitions=[METRIC])
    run(request)
    dimensions: Any = [{"Name": "TrainingJobName", "Value": request["TrainingJobName"]}]
    return "" if boto3.client("cloudwatch").list_metrics(Dimensions=dimensions)["Metrics"] else "no metric"


def code_job(system: System, **specification: Any) -> dict[str, Any]:
    return code_job_request(new_name(system), system.bucket, sagemaker_role(system), **specification)


def new_name(system: System) -> str:
    return f"{system.stack}-{uuid4().hex[:8]}"


def sagemaker_role(system: System) -> str:
    return system.outputs["SageMakerRoleArn"]


def run(request: dict[str, Any]) -> str:
    sagemaker = boto3.client("sagemaker")
    try:
        sagemaker.create_training_job(**request)
    except ClientError as err:
        return str(err)
    return str(ended_job(sagemaker, request["TrainingJobName"]).get("FailureReason", ""))


# Serving -------------------------------------------------------------------------------------------------------


def create_model(system: System) -> str:
    """Create a model from the archive of the one that is served."""
    definition = container_definition(f"s3://{system.bucket}/models/{system.stack}/model.tar.gz")
    try:
        boto3.client("sagemaker").create_model(
            ModelName=new_name(system), PrimaryContainer=definition, ExecutionRoleArn=sagemaker_role(system)
        )
    except ClientError as err:
        return str(err)
    return ""


def capture(system: System) -> str:
    """Invoke the endpoint and wait for its captured record, or for the log line that it could not be written."""
    inference_id = uuid4().hex
    boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=system.stack, ContentType="image/png", InferenceId=inference_id, Body=png(1)
    )

    def outcome() -> str | None:
        records = captured(system.bucket, system.stack)
        if any(one["eventMetadata"].get("inferenceId") == inference_id for one in records):
            return "captured"
        lines = log_of(f"/aws/sagemaker/Endpoints/{system.stack}", "AllTraffic/")
        return next((line for line in lines if "Data capture could not write" in line), None)

    found = str(wait_for(outcome))
    return "" if found == "captured" else found


def expire(system: System, endpoint_name: str = "") -> str:
    """Let a schedule delete an endpoint, by default the stack's, and create it again."""
    endpoint_name = endpoint_name or system.stack
    soon = 0.5  # seconds: a moment that has passed when the request arrives is refused
    schedule = request(system.stack, endpoint_name, system.outputs["ExpiryRoleArn"], soon)
    boto3.client("scheduler").create_schedule(**schedule)
    wait_for(lambda: not schedule_exists(system.stack))
    try:
        status = boto3.client("sagemaker").describe_endpoint(EndpointName=endpoint_name)["EndpointStatus"]
    except ClientError:
        status = "Deleting"
    if status != "Deleting":
        return f"the endpoint is {status}"
    wait_for(lambda: not endpoint_exists(endpoint_name))
    bring_into_service(endpoint_name, system.stack)
    return ""


def expire_candidate(system: System) -> str:
    candidate = f"{system.stack}-candidate"
    if not endpoint_exists(candidate):
        bring_into_service(candidate, system.stack)
    return expire(system, candidate)


def bring_into_service(endpoint_name: str, config_name: str) -> None:
    boto3.client("sagemaker").create_endpoint(EndpointName=endpoint_name, EndpointConfigName=config_name)
    assert settled_endpoint(endpoint_name)["EndpointStatus"] == "InService"


def watch_alarms(system: System) -> str:
    """Name an alarm that does not exist in an update, which is refused for that when alarms may be read."""
    routing: Any = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    alarms: Any = {"Alarms": [{"AlarmName": "no-such-alarm"}]}
    policy: Any = {"TrafficRoutingConfiguration": routing}
    with pytest.raises(ClientError) as refused:
        boto3.client("sagemaker").update_endpoint(
            EndpointName=system.stack,
            EndpointConfigName=system.stack,
            DeploymentConfig={"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": alarms},
        )
    return "" if "does not exist" in str(refused.value) else str(refused.value)


# Workflows -----------------------------------------------------------------------------------------------------


def stop_retrying(system: System) -> None:
    """Let the stack's workflows fail at once: a permission that is missing does not come back while they wait."""
    client = boto3.client("stepfunctions")
    for arn in system.machines.values():
        definition = json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"])
        client.update_state_machine(stateMachineArn=arn, definition=json.dumps(without_retries(definition)))


def without_retries(part: Any) -> Any:
    if isinstance(part, list):
        return [without_retries(one) for one in part]
    if isinstance(part, dict):
        return {name: without_retries(value) for name, value in part.items() if name != "Retry"}
    return part


def execute(system: System, key: str = "images/train/0.png") -> str:
    """Run the state machine to its end."""
    return run_machine(system.machines["imageClassification"], {"s3_bucket": system.bucket, "s3_key": key})


def run_machine(state_machine: str, event: dict[str, Any]) -> str:
    client = boto3.client("stepfunctions")
    arn = client.start_execution(stateMachineArn=state_machine, input=json.dumps(event))["executionArn"]
    ended = wait_for(lambda: (found := client.describe_execution(executionArn=arn))["status"] != "RUNNING" and found)
    return "" if ended["status"] == "SUCCEEDED" else f"{ended['error']} {ended['cause']}"


def execute_without_a_photo(system: System) -> str:
    """Run the state machine for a missing photo; only ImageNotFoundError is right."""
    problem = execute(system, "images/none.png")
    return "" if problem.startswith("ImageNotFoundError ") else problem


def classify_batch(system: System, **source: str) -> str:
    """Run a batch of one photo to its end."""
    photos = source or {"prefix": "images/train/0.png"}
    event = {**photos, "max_failed_share": 0.5, "max_refused_share": 1}
    return run_machine(system.machines["batchClassification"], event)


def classify_manifest(system: System) -> str:
    boto3.client("s3").put_object(Bucket=system.bucket, Key="manifests/a.csv", Body=b"s3_key\nimages/train/0.png\n")
    return classify_batch(system, manifest="manifests/a.csv")


# Functions -----------------------------------------------------------------------------------------------------


def invoke(system: System, function: str, event: Any) -> tuple[Any, str]:
    """Return a function's answer, and its error, "" for none."""
    answer = boto3.client("lambda").invoke(FunctionName=system.functions[function], Payload=json.dumps(event))
    text = answer["Payload"].read().decode()
    return (None, text) if "FunctionError" in answer else (json.loads(text), "")


def classify(system: System, key: str = "images/train/0.png", **changes: str) -> str:
    """Invoke classifyImage for a photo that travels by reference."""
    event = {"s3_bucket": system.bucket, "s3_key": key, "image_data": "", **changes}
    return invoke(system, "classifyImage", event)[1]


def classify_a_version(system: System) -> str:
    versions = boto3.client("s3").list_object_versions(Bucket=system.bucket, Prefix="images/train/0.png")["Versions"]
    return classify(system, s3_version_id=versions[0]["VersionId"])


def classify_without_a_photo(system: System) -> str:
    """Invoke classifyImage for a missing photo; only ImageNotFoundError is right."""
    problem = classify(system, "images/none.png")
    return "" if "ImageNotFoundError" in problem else problem
