"""The AWS CLI commands that a user of this application types, and boto3's waiters and paginators."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.integration.support.endpoints import create_constant_endpoint, delete_constant_endpoint
from tests.integration.support.functions import create_function
from tests.integration.support.iam import WRITE_LOGS, create_role

NAME = "aws-cli-test"
TEMPLATE = {
    "Parameters": {"Name": {"Type": "String"}},
    "Resources": {"bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Name"}}}},
    "Outputs": {"BucketName": {"Value": {"Ref": "bucket"}}},
}
CODE = """
def lambda_handler(event, context):
    print("seen", event["photo"])
    return {"photo": event["photo"]}
"""


def run(*arguments: str, status: int = 0) -> str:
    """Run a command of the AWS CLI and return its output, or its errors when it is expected to fail."""
    command = [str(Path(sys.executable).parent / "aws"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


def read(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--output", "json"))


@pytest.fixture(scope="module")
def bucket(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a bucket created by `aws cloudformation deploy`."""
    path = tmp_path_factory.mktemp("template") / "template.json"
    path.write_text(json.dumps(TEMPLATE))
    parameters = ("--parameter-overrides", f"Name={NAME}")
    run("cloudformation", "deploy", "--stack-name", NAME, "--template-file", str(path), *parameters)
    return NAME


@pytest.fixture(scope="module")
def function(aws: dict[str, str]) -> str:
    create_function(NAME, create_role(f"{NAME}-function", "lambda", WRITE_LOGS), CODE)
    return NAME


@pytest.fixture(scope="module")
def state_machine(function: str) -> str:
    """Return the ARN of a state machine that calls the function."""
    invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
    role = create_role(f"{NAME}-states", "states", invoke)
    arn = read("lambda", "get-function", "--function-name", function, "--query", "Configuration.FunctionArn")
    definition = {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": arn, "End": True}}}
    made = ("--name", NAME, "--role-arn", role, "--definition", json.dumps(definition))
    created: str = read("stepfunctions", "create-state-machine", *made)["stateMachineArn"]
    return created


@pytest.fixture(scope="module")
def endpoint(bucket: str) -> Iterator[str]:
    s3 = {"Effect": "Allow", "Action": ["s3:GetObject", "ecr:*"], "Resource": "*"}
    create_constant_endpoint(NAME, bucket, create_role(f"{NAME}-endpoint", "sagemaker", s3), [0.75, 0.25])
    yield NAME
    delete_constant_endpoint(NAME)


@pytest.mark.aws("CloudFormation and SAM CLI", "`aws cloudformation deploy` and `describe-stacks`", "exact")
def test_a_stack_is_deployed_and_described(bucket: str) -> None:
    stack = read("cloudformation", "describe-stacks", "--stack-name", NAME)["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert [(output["OutputKey"], output["OutputValue"]) for output in stack["Outputs"]] == [("BucketName", bucket)]


@pytest.mark.aws("S3", "`aws s3 cp`, `ls` and `sync`, multipart for large files", "exact")
def test_files_go_to_s3_and_come_back(bucket: str, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    (there / "folder").mkdir(parents=True)
    (there / "small.txt").write_text("photo")
    (there / "folder" / "large.bin").write_bytes(bytes(range(256)) * 40_000)  # 10 MB: two parts
    run("s3", "sync", "--quiet", str(there), f"s3://{bucket}/synced")
    assert run("s3", "sync", str(there), f"s3://{bucket}/synced") == ""  # nothing has changed
    listed = run("s3", "ls", "--recursive", f"s3://{bucket}/synced/")
    assert [line.split()[2:] for line in listed.splitlines()] == [
        ["10240000", "synced/folder/large.bin"],
        ["5", "synced/small.txt"],
    ]
    run("s3", "cp", "--quiet", "--recursive", f"s3://{bucket}/synced", str(back))
    for path in ("small.txt", "folder/large.bin"):
        assert (back / path).read_bytes() == (there / path).read_bytes()


@pytest.mark.aws("Lambda", "`aws lambda invoke`", "exact")
def test_a_function_is_invoked(function: str, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    reply = read("lambda", "invoke", "--function-name", function, "--payload", '{"photo": "a.png"}', str(answer))
    assert reply["StatusCode"] == 200
    assert json.loads(answer.read_text()) == {"photo": "a.png"}


@pytest.mark.aws("CloudWatch Logs", "`aws logs filter-log-events`", "exact")
def test_logs_are_found(function: str, tmp_path: Path) -> None:
    run("lambda", "invoke", "--function-name", function, "--payload", '{"photo": "b.png"}', str(tmp_path / "answer"))
    group = ("--log-group-name", f"/aws/lambda/{function}", "--filter-pattern", "seen")
    messages = read("logs", "filter-log-events", *group, "--query", "events[].message")
    assert any("seen b.png" in message for message in messages)


@pytest.mark.aws("Step Functions", "`aws stepfunctions start-execution`, `describe-`, `list-executions`", "exact")
def test_an_execution_is_started_and_described(state_machine: str) -> None:
    started = ("--state-machine-arn", state_machine, "--name", "one", "--input", '{"photo": "c.png"}')
    arn = read("stepfunctions", "start-execution", *started)["executionArn"]
    while (execution := read("stepfunctions", "describe-execution", "--execution-arn", arn))["status"] == "RUNNING":
        time.sleep(0.1)
    assert json.loads(execution["output"]) == {"photo": "c.png"}
    succeeded = ("--state-machine-arn", state_machine, "--status-filter", "SUCCEEDED")
    assert read("stepfunctions", "list-executions", *succeeded, "--query", "executions[].name") == ["one"]


@pytest.mark.aws("SageMaker", "`aws sagemaker list-endpoints`, `describe-endpoint` and `wait`", "exact")
def test_an_endpoint_is_listed_and_described(endpoint: str) -> None:
    run("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", endpoint)
    named = ("--name-contains", endpoint, "--query", "Endpoints[].EndpointStatus")
    assert read("sagemaker", "list-endpoints", *named) == ["InService"]
    described = read("sagemaker", "describe-endpoint", "--endpoint-name", endpoint)
    assert described["EndpointConfigName"] == endpoint


@pytest.mark.aws("SageMaker Runtime", "`aws sagemaker-runtime invoke-endpoint`", "exact")
def test_an_endpoint_is_invoked(endpoint: str, tmp_path: Path) -> None:
    event = json.loads((Path(__file__).parents[2] / "events/classify_image.json").read_text())
    image, answer = tmp_path / "photo.png", tmp_path / "answer.json"
    image.write_bytes(base64.b64decode(event["image_data"]))
    body = ("--content-type", "image/png", "--body", f"fileb://{image}", str(answer))
    run("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", endpoint, *body)
    assert json.loads(answer.read_text()) == pytest.approx([0.75, 0.25])


@pytest.mark.aws("IAM", "`aws iam get-role`, `aws sts get-caller-identity`", "exact")
def test_roles_are_described(function: str) -> None:
    assert read("iam", "get-role", "--role-name", f"{NAME}-function")["Role"]["RoleName"] == f"{NAME}-function"
    assert read("sts", "get-caller-identity")["Account"] == "000000000000"


@pytest.mark.aws("Local cloud", "services that the application does not use", "absent", "UnknownOperationException")
def test_a_service_that_is_absent_says_so(aws: dict[str, str]) -> None:
    assert "The local cloud does not emulate dynamodb." in run("dynamodb", "list-tables", status=255)


@pytest.mark.aws("S3", "boto3's paginators", "exact")
def test_listings_are_paged(bucket: str) -> None:
    s3 = boto3.client("s3")
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"paged/{number}", Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="paged/", PaginationConfig={"PageSize": 2}
    )
    assert [[item["Key"][-1] for item in page["Contents"]] for page in pages] == [["0", "1"], ["2", "3"], ["4"]]


@pytest.mark.aws("CloudFormation and SAM CLI", "boto3's waiters", "exact")
def test_waiters_see_the_end(bucket: str) -> None:
    quick: Any = {"Delay": 1, "MaxAttempts": 30}
    boto3.client("cloudformation").get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig=quick)
    boto3.client("s3").get_waiter("bucket_exists").wait(Bucket=bucket, WaiterConfig=quick)
    boto3.client("iam").get_waiter("role_exists").wait(RoleName=f"{NAME}-endpoint", WaiterConfig=quick)
