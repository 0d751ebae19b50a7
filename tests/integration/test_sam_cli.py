"""The SAM CLI on a copy of the project: build, deploy, update, invoke, list, delete.

Whoever types the commands has the rights of permissions.yaml only.
"""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.endpoints import create_constant_endpoint, delete_constant_endpoint
from tests.integration.support.people import person
from tests.integration.support.stacks import stack_outputs
from tests.integration.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
STACK = "sam-cli-test"
EVENTS = ROOT / "events"
FILTER = "functions/filter_inferences/app.py"
COPIED = ("template.yaml", "samconfig.toml", "functions", "statemachine")


class Project:
    """A copy of the application; its commands go to the stack STACK."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self._environment = environment
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, directory / name)
        self.edit("samconfig.toml", 'stack_name = "scones-unlimited"', f'stack_name = "{STACK}"')

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.directory / path).read_text()
        assert old in text
        (self.directory / path).write_text(text.replace(old, new))

    def sam(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """Run a command and return its stdout; `sync` asks whether this is a development stack."""
        done = subprocess.run(
            ["sam", *arguments],
            cwd=self.directory,
            env=environment or self._environment,
            input="y\n",
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def deploy(self, command: str = "deploy", threshold: float = 0.93) -> str:
        parameters = (f"EndpointName={STACK}", f"ConfidenceThreshold={threshold}")
        return self.sam(*command.split(), "--config-env", "local", "--parameter-overrides", *parameters)

    def create_endpoint(self) -> None:
        outputs = stack_outputs(STACK)
        create_constant_endpoint(STACK, outputs["BucketName"], outputs["SageMakerRoleArn"], [0.95, 0.05])

    def invoke(self, resource: str, event: dict[str, object]) -> str:
        return self.sam("remote", "invoke", resource, "--config-env", "local", "--event", json.dumps(event))


def answer_of(function: str, event: dict[str, object]) -> Any:
    """Return what a function of the stack answers, without the seconds that a command of SAM takes."""
    name = boto3.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=function)
    physical = name["StackResourceDetail"]["PhysicalResourceId"]
    return json.load(boto3.client("lambda").invoke(FunctionName=physical, Payload=json.dumps(event))["Payload"])


def end_of(event: dict[str, object]) -> Any:
    """Return the description of an execution of the workflow that has ended."""
    client, machine = boto3.client("stepfunctions"), stack_outputs(STACK)["StateMachineArn"]
    arn = client.start_execution(stateMachineArn=machine, input=json.dumps(event))["executionArn"]
    wait_for(lambda: client.describe_execution(executionArn=arn)["status"] != "RUNNING", pause=0.05)
    return client.describe_execution(executionArn=arn)


@pytest.fixture(scope="module")
def project(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Deploy the project, with an endpoint that calls every photo a bicycle (0.95)."""
    project = Project(tmp_path_factory.mktemp("project"), person(STACK, aws))
    project.sam("build")
    project.deploy()
    project.create_endpoint()
    yield project
    delete_constant_endpoint(STACK)


def event(name: str) -> dict[str, object]:
    """Return an event of events/ for this stack's bucket."""
    loaded: dict[str, object] = json.loads((EVENTS / f"{name}.json").read_text())
    return {**loaded, "s3_bucket": stack_outputs(STACK)["BucketName"]}


@pytest.fixture(scope="module")
def photo(project: Project) -> str:
    """Put the photo that events/ name into the bucket and return it in base64."""
    classified = event("classify_image")
    photo = str(classified["image_data"])
    bucket, key = stack_outputs(STACK)["BucketName"], str(classified["s3_key"])
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=base64.b64decode(photo))
    return photo


@pytest.mark.aws("CloudFormation and SAM CLI", "`sam validate --lint`", "exact")
def test_the_template_is_valid(project: Project) -> None:
    assert "is a valid SAM Template" in project.sam("validate", "--lint")


@pytest.mark.aws("CloudFormation and SAM CLI", "`sam build`, `sam deploy`, `sam list stack-outputs`", "exact")
def test_deploy_makes_what_the_template_says(project: Project) -> None:
    listed = json.loads(project.sam("list", "stack-outputs", "--config-env", "local", "--output", "json"))
    outputs = {output["OutputKey"]: output["OutputValue"] for output in listed}
    assert outputs["BucketName"] == f"{STACK}-000000000000-us-east-1"
    assert outputs["Threshold"] == "0.93"


@pytest.mark.aws("CloudFormation and SAM CLI", "`sam list resources`", "exact")
def test_resources_are_listed_by_their_logical_ids(project: Project) -> None:
    listed = json.loads(project.sam("list", "resources", "--config-env", "local", "--output", "json"))
    resources = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in listed}
    assert {"bucket", "serializeImageData", "classifyImage", "filterInferences"} < set(resources)
    assert resources["imageClassification"] == stack_outputs(STACK)["StateMachineArn"]


@pytest.mark.aws("CloudFormation and SAM CLI", "`sam list endpoints`", "exact")
def test_endpoints_are_listed(project: Project, aws: dict[str, str]) -> None:
    """The application has none, so only an administrator may ask Cloud Control for them."""
    command = ("list", "endpoints", "--config-env", "local", "--output", "json")
    listed = json.loads(project.sam(*command, environment=aws))
    found = {endpoint["LogicalResourceId"]: endpoint["CloudEndpoint"] for endpoint in listed}
    assert found["classifyImage"] == "-"  # no function has a URL


@pytest.mark.aws("Lambda", "`sam remote invoke` of each function", "exact")
def test_each_function_answers_its_event(project: Project, photo: str) -> None:
    serialized = json.loads(project.invoke("serializeImageData", event("serialize_image_data")))["body"]
    assert serialized["image_data"] == photo
    classified = json.loads(project.invoke("classifyImage", event("classify_image")))["body"]
    assert classified["inferences"] == pytest.approx([0.95, 0.05])
    passed = json.loads(project.invoke("filterInferences", event("filter_inferences")))["body"]
    assert passed["inferences"] == [0.97, 0.03]


@pytest.mark.parametrize(
    ("function", "name", "error"),
    [
        ("classifyImage", "classify_image_bad_input", "InvalidImageError"),
        ("filterInferences", "filter_inferences_below_threshold", "ThresholdConfidenceNotMetError"),
    ],
)
@pytest.mark.aws("Lambda", "errors of functions are named by their classes", "exact")
def test_a_function_s_error_has_its_name(project: Project, function: str, name: str, error: str) -> None:
    assert answer_of(function, event(name))["errorType"] == error


def test_a_lone_surrogate_ends_in_a_declared_error(project: Project) -> None:
    """Lambda's runtime encodes answers in UTF-8 after its error handling: a lone surrogate would end the process."""
    odd: dict[str, object] = {**event("filter_inferences"), "s3_key": "images/\ud800.png"}
    for function in ("serializeImageData", "classifyImage", "filterInferences"):
        assert answer_of(function, odd)["errorType"] == "InvalidEventError"
    assert end_of(odd)["error"] == "InvalidEventError"


@pytest.mark.aws("SageMaker", "InvokeEndpoint of an endpoint that does not exist", "exact")
def test_a_missing_endpoint_has_its_own_name(project: Project, photo: str) -> None:
    delete_constant_endpoint(STACK)
    try:
        ended = end_of(event("serialize_image_data"))
    finally:
        project.create_endpoint()
    assert ended["error"] == "EndpointNotFoundError"
    assert f"Endpoint {STACK} of account" in ended["cause"]


@pytest.mark.aws("Step Functions", "`sam remote invoke` of the state machine", "exact")
def test_the_state_machine_answers(project: Project, photo: str) -> None:
    answer = json.loads(project.invoke("imageClassification", event("serialize_image_data")))
    assert answer["inferences"] == pytest.approx([0.95, 0.05])
    assert answer["image_data"] == ""


@pytest.mark.aws("CloudWatch Logs", "`sam logs` of a function", "exact")
def test_logs_of_a_function_are_shown(project: Project) -> None:
    answer_of("filterInferences", {**event("filter_inferences"), "s3_key": "shown-in-logs.png"})
    assert "shown-in-logs.png" in project.sam("logs", "--config-env", "local", "--name", "filterInferences")


@pytest.mark.aws(
    "CloudFormation and SAM CLI", "`sam deploy` again: a change set that updates only what changed", "exact"
)
def test_a_second_deploy_updates(project: Project, photo: str) -> None:
    before = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    project.deploy(threshold=0.96)
    after = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    assert (after["StackId"], after["StackStatus"]) == (before["StackId"], "UPDATE_COMPLETE")
    assert stack_outputs(STACK)["Threshold"] == "0.96"
    ended = end_of(event("serialize_image_data"))
    assert ended["error"] == "ThresholdConfidenceNotMetError"
    assert "best 0.950 < 0.960" in ended["cause"]


@pytest.mark.aws("CloudFormation and SAM CLI", "`sam sync --code`", "exact")
def test_sync_code_changes_a_function_at_once(project: Project) -> None:
    project.edit(FILTER, "THRESHOLD_CONFIDENCE_NOT_MET: best", "THRESHOLD_CONFIDENCE_NOT_MET: only")
    project.deploy("sync --code")
    answer = answer_of("filterInferences", event("filter_inferences_below_threshold"))
    assert "only 0.550" in answer["errorMessage"]


@pytest.mark.aws("CloudFormation and SAM CLI", "`sam sync --no-dependency-layer`", "exact")
@pytest.mark.aws(
    "CloudFormation and SAM CLI",
    "`sam sync` with its dependency layer",
    "absent",
    "the nested stack is not transformed; samconfig.toml sets `dependency_layer = false`",
)
def test_sync_changes_the_whole_stack(project: Project) -> None:
    project.edit(FILTER, "< {threshold:.3f}", "below {threshold:.3f}")
    project.deploy("sync --no-watch --no-dependency-layer", threshold=0.97)
    answer = answer_of("filterInferences", event("filter_inferences_below_threshold"))
    assert "0.550 below 0.970" in answer["errorMessage"]


@pytest.mark.aws("CloudFormation and SAM CLI", "`sam delete`", "exact")
def test_delete_removes_everything(aws: dict[str, str], tmp_path: Path) -> None:
    """The test has its own stack, so that it need not be the last."""
    project = Project(tmp_path, person(f"{STACK}-gone", aws))
    project.edit("samconfig.toml", STACK, f"{STACK}-gone")
    project.deploy()
    project.sam("delete", "--no-prompts", "--config-env", "local", "--stack-name", f"{STACK}-gone")
    names = [function["FunctionName"] for function in boto3.client("lambda").list_functions()["Functions"]]
    assert not [name for name in names if name.startswith(f"{STACK}-gone")]
    assert f"{STACK}-gone-000000000000-us-east-1" not in [
        b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"]
    ]
    with pytest.raises(ClientError, match="does not exist"):
        boto3.client("cloudformation").describe_stacks(StackName=f"{STACK}-gone")
