"""It tells: each kind of failure and each alarm reaches a subscriber of the topic."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.integration.support.clouds import container_process
from tests.integration.support.endpoints import create_constant_endpoint, delete_constant_endpoint
from tests.integration.support.logs import log_of
from tests.integration.support.people import person
from tests.integration.support.photos import png
from tests.integration.support.queues import create_queue, receive
from tests.integration.support.stacks import ROOT, deploy_application, stack_outputs
from tests.integration.support.waiting import wait_for
from training.results import Dataset, Deployment, Executions, TrainedModel, save

STACK = "alerts-test"
ONCE = Config(retries={"total_max_attempts": 1})
RAISED = (  # by `test_each_alarm_sends_its_message`
    "failures",
    "timeouts",
    "throttles",
    "endpoint-5xx",
    "endpoint-p99",
    "dead-letters",
    "backlog",
)


@dataclass(frozen=True)
class Stack:
    """The deployed stack, and a queue that gets the messages of its topic."""

    outputs: dict[str, str]
    messages: str  # URL
    topic: str  # ARN
    user: dict[str, str]  # the environment of a person with the rights of permissions.yaml


@pytest.fixture(scope="module")
def stack(aws: dict[str, str], build: Path) -> Iterator[Stack]:
    """Deploy the stack, without an endpoint, as a person with the rights of permissions.yaml."""
    parameters = {"EndpointName": STACK, "ClassifyUploads": "true", "Alerts": "true", "AlertEmail": "me@photos.example"}
    parameters["ExecutionLogLevel"] = "ERROR"
    user = person(STACK, aws)
    deploy_application(STACK, build, user, **parameters)
    account = boto3.client("sts").get_caller_identity()["Account"]
    topic = f"arn:aws:sns:us-east-1:{account}:{STACK}-alerts"
    yield Stack(stack_outputs(STACK), subscribe(topic), topic, user)


def subscribe(topic: str) -> str:
    url, arn = create_queue()
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    condition = {"ArnEquals": {"aws:SourceArn": topic}}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn, "Condition": condition}]}
    boto3.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def next_message(stack: Stack) -> dict[str, str]:
    envelope: dict[str, str] = json.loads(receive(stack.messages)["Body"])
    return envelope


def start(machine: str, **event: Any) -> str:
    client: Any = boto3.client("stepfunctions")
    return str(client.start_execution(stateMachineArn=machine, input=json.dumps(event))["executionArn"])


@pytest.mark.aws("SNS", "topics, policies, publishing, and subscriptions of queues", "exact")
def test_a_failed_execution_is_told_with_its_photo(stack: Stack) -> None:
    key = "images/none.png"
    arn = start(stack.outputs["StateMachineArn"], s3_bucket=stack.outputs["BucketName"], s3_key=key)
    message = next_message(stack)
    assert message["Subject"] == f"{STACK}-imageClassification: FAILED, ImageNotFoundError"
    assert f"s3_key {key}" in message["Message"] and arn in message["Message"]
    assert "does not exist" in message["Message"]


def test_a_failed_execution_is_in_the_log_without_its_photo(stack: Stack) -> None:
    key = "images/none.png"
    arn = start(stack.outputs["StateMachineArn"], s3_bucket=stack.outputs["BucketName"], s3_key=key)
    assert STACK in next_message(stack)["Subject"]
    group, prefix = f"/aws/vendedlogs/states/{STACK}", f"states/{STACK}-imageClassification/"
    lines = wait_for(lambda: [line for line in log_of(group, prefix) if arn in line][-1:], seconds=20)
    (event,) = (json.loads(line) for line in lines)
    assert (event["type"], event["details"]["error"]) == ("ExecutionFailed", "ImageNotFoundError")
    assert "input" not in event["details"]


def test_a_failed_batch_is_told(stack: Stack) -> None:
    start(stack.outputs["BatchStateMachineArn"], prefix="images/none/")
    message = next_message(stack)
    assert message["Subject"].startswith(f"{STACK}-batchClassification: FAILED, ")
    assert "Photo: prefix images/none/" in message["Message"]


def test_a_refusal_is_not_told_but_counted(stack: Stack) -> None:
    """The rule's own pattern is tried with the event of a refusal, and then the alarm is judged by its metric."""
    events, states = boto3.client("events"), ("FAILED", "TIMED_OUT", "ABORTED")
    pattern = events.describe_rule(Name=f"{STACK}-failures")["EventPattern"]
    told = [(status, error) for status in states for error in (None, "ThresholdConfidenceNotMetError", "OtherError")]
    found = [
        one for one in told if events.test_event_pattern(EventPattern=pattern, Event=event_of(stack, *one))["Result"]
    ]
    assert [one for one in found if one[0] == "FAILED"] == [("FAILED", "OtherError")]
    assert {status for status, _ in found} == set(states)


def event_of(stack: Stack, status: str, error: str | None) -> str:
    detail = {
        "status": status,
        "stateMachineArn": stack.outputs["StateMachineArn"],
        **({"error": error} if error else {}),
    }
    event = {"id": "1", "source": "aws.states", "detail-type": "Step Functions Execution Status Change"}
    more = {"account": "0", "time": "2026-11-21T00:00:00Z", "region": "us-east-1", "resources": []}
    return json.dumps({**event, **more, "detail": detail})


def test_too_many_refusals_raise_their_alarm(stack: Stack) -> None:
    name = function_of("filterInferences")
    for _ in range(3):
        boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"inferences": [0.5, 0.5]}).encode())
    wait_for(lambda: state_of("refusals") == "ALARM", seconds=30)
    assert json.loads(next_message(stack)["Message"])["AlarmName"] == f"{STACK}-refusals"


def test_too_few_refusals_raise_their_alarm(stack: Stack) -> None:
    """Another namespace stands for three days without the refusals of the test before."""
    soften("no-refusals", Namespace=f"{STACK}-later")
    data: Any = [{"MetricName": "Refused", "Values": [0.0], "Counts": [200.0]}]
    boto3.client("cloudwatch").put_metric_data(Namespace=f"{STACK}-later", MetricData=data)
    (told,) = alarms_told(stack, {f"{STACK}-no-refusals"})
    assert told["NewStateValue"] == "ALARM"


def state_of(alarm: str) -> str:
    (found,) = boto3.client("cloudwatch").describe_alarms(AlarmNames=[f"{STACK}-{alarm}"])["MetricAlarms"]
    return str(found["StateValue"])


@pytest.mark.aws(
    "CloudWatch",
    "AWS::CloudWatch::Alarm with SNS actions, and dashboards",
    "approximate",
    "dashboards are kept, not drawn",
)
def test_each_alarm_sends_its_message(stack: Stack) -> None:
    """Each alarm is raised by its cause; those that need an hour of it have a lower threshold or a shorter period."""
    soften("silence", Period=10, EvaluationPeriods=1)
    soften("backlog", Threshold=1)
    soften("endpoint-p99", EvaluationPeriods=2, DatapointsToAlarm=1)  # a period may end meanwhile
    fail_and_time_out(stack)
    leave_a_message(f"{STACK}-uploads", delay=900)
    leave_a_message(f"{STACK}-uploads-dead-letters")
    ask_a_bad_endpoint(stack)
    throttle()
    wanted = {f"{STACK}-{name}": "ALARM" for name in RAISED} | {f"{STACK}-silence": "INSUFFICIENT_DATA"}
    told = {one["AlarmName"]: one for one in alarms_told(stack, set(wanted))}
    assert {name: one["NewStateValue"] for name, one in told.items()} == wanted
    assert f"{STACK}-uploads-dead-letters" in told[f"{STACK}-dead-letters"]["AlarmDescription"]


def soften(alarm: str, **changes: Any) -> None:
    """Change an alarm of the stack."""
    cloudwatch: Any = boto3.client("cloudwatch")
    (found,) = cloudwatch.describe_alarms(AlarmNames=[f"{STACK}-{alarm}"])["MetricAlarms"]
    members = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    cloudwatch.put_metric_alarm(**{name: one for name, one in found.items() if name in members} | changes)


def fail_and_time_out(stack: Stack) -> None:
    """Let five executions fail, and one of another definition time out."""
    states, arn = boto3.client("stepfunctions"), stack.outputs["StateMachineArn"]
    for _ in range(5):
        start(arn, s3_bucket=stack.outputs["BucketName"], s3_key="images/none.png")
    wait = {"StartAt": "Wait", "TimeoutSeconds": 1, "States": {"Wait": {"Type": "Wait", "Seconds": 9, "End": True}}}
    definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
    states.update_state_machine(stateMachineArn=arn, definition=json.dumps(wait))
    start(arn)
    states.update_state_machine(stateMachineArn=arn, definition=definition)


def leave_a_message(queue: str, delay: int = 0) -> None:
    """Send a message that nobody is shown for a time in seconds."""
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody="{}", DelaySeconds=delay)


def function_of(name: str) -> str:
    functions = boto3.client("lambda").list_functions()["Functions"]
    (found,) = (one["FunctionName"] for one in functions if f"{STACK}-{name}" in one["FunctionName"])
    return str(found)


def throttle() -> None:
    """Give classifyImage no concurrency and ask it ten times; it was asked before, or there would be no silence."""
    client, name = boto3.client("lambda", config=ONCE), function_of("classifyImage")
    client.invoke(FunctionName=name, Payload=b"{}")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    for _ in range(10):
        with pytest.raises(client.exceptions.TooManyRequestsException):
            client.invoke(FunctionName=name, Payload=b"{}")
    client.delete_function_concurrency(FunctionName=name)


def ask_a_bad_endpoint(stack: Stack) -> None:
    """Ask an endpoint that fails five times, and whose process stands still for more than a second."""
    outputs, runtime = stack.outputs, boto3.client("sagemaker-runtime", config=ONCE)
    shape = [16, 16, 3]  # not the model's: it fails for every image
    create_constant_endpoint(STACK, outputs["BucketName"], outputs["SageMakerRoleArn"], [0.5, 0.5], shape)
    process = container_process("SAGEMAKER_BASE_DIR", f"/endpoints/{STACK}/")
    family = [process, *process.children(recursive=True)]
    for one in family:
        one.suspend()
        Timer(1.5, one.resume).start()
    for _ in range(5):
        with pytest.raises(runtime.exceptions.ModelError):
            runtime.invoke_endpoint(EndpointName=STACK, ContentType="application/x-image", Body=png(0))
    delete_constant_endpoint(STACK)


def alarms_told(stack: Stack, wanted: set[str]) -> Iterator[Any]:
    """Receive messages, also those of failures, until each of these alarms has sent one; yield those."""
    while wanted:
        try:
            text = next_message(stack)["Message"]
        except AssertionError:
            raise AssertionError(f"never told: {wanted}") from None
        told = json.loads(text) if text.startswith("{") else {}
        if told.get("AlarmName") in wanted:
            wanted.discard(told["AlarmName"])
            yield told


@pytest.mark.aws("SNS", "subscriptions of email addresses", "approximate", "they are kept; no mail is sent")
def test_the_address_is_subscribed_and_the_dashboard_there(stack: Stack) -> None:
    found = boto3.client("sns").list_subscriptions_by_topic(TopicArn=stack.topic)["Subscriptions"]
    assert ("email", "me@photos.example") in [(one["Protocol"], one["Endpoint"]) for one in found]
    body = boto3.client("cloudwatch").get_dashboard(DashboardName=STACK)["DashboardBody"]
    assert json.loads(body)["widgets"]


@pytest.mark.aws(
    "SageMaker",
    "scheduled runs of monitor: a processing job reports on new captures only, and tells the verdict",
    "approximate",
    "the packages that AWS's image lacks are installed there, and found here",
)
def test_a_scheduled_run_tells_that_the_model_is_wrong(stack: Stack, tmp_path: Path) -> None:
    """Each command renews the schedule, whose first run begins at once; the second one finds new captures only."""
    bucket = stack.outputs["BucketName"]
    leave_a_run(tmp_path / "runs" / STACK, bucket)
    for number, verdict in enumerate(("stop", "check")):
        capture(bucket, 40 * number, wrong=verdict == "stop")
        run_monitor(tmp_path, stack.user, "--schedule", f"rate({number + 2} hours)")
        job = ended_run(number + 1)
        assert job["ProcessingJobStatus"] == "Completed", job
        assert f"Verdict of 40 new inferences: {verdict}" in job["ExitMessage"]
        wait_for(partial(is_told, stack, f"{STACK}: the verdict is {verdict}"))
        if verdict == "stop":
            assert wait_for(lambda: state_of("verdict") == "ALARM", seconds=20)
    page = boto3.client("s3").get_object(Bucket=bucket, Key="reports/latest/report.html")["Body"].read().decode()
    assert "The verdict was stop and is check now" in page
    remembered = json.loads(boto3.client("s3").get_object(Bucket=bucket, Key="watch/state.json")["Body"].read())
    assert (remembered["verdict"], remembered["captured"], remembered["lease"]) == ("check", 80, "")
    metrics = boto3.client("cloudwatch").list_metrics(Namespace=f"scones/{STACK}")["Metrics"]
    assert {"Verdict", "Accuracy", "RefusedShare", "Inferences"} <= {one["MetricName"] for one in metrics}
    run_monitor(tmp_path, stack.user, "--schedule", "never")
    found = boto3.client("scheduler").list_schedules()["Schedules"]
    assert f"{STACK}-monitor" not in {one["Name"] for one in found}


def is_told(stack: Stack, subject: str) -> bool:
    """Tell whether the next message has a subject that begins so; the alarm of the verdict sends one, too."""
    return next_message(stack)["Subject"].startswith(subject)


def leave_a_run(directory: Path, bucket: str) -> None:
    """Write what the steps before monitor leave; the model has no profile."""
    dataset = directory / "dataset"
    dataset.mkdir(parents=True)
    rows = [f"test,{number}.png,{number % 2},{'ab'[number % 2]},0,images/test/{number}.png" for number in range(80)]
    (dataset / "images.csv").write_text("\n".join(["split,filename,label,class_name,row,s3_key", *rows]) + "\n")
    save(directory, "stage", Dataset(str(dataset), bucket, ("a", "b"), (3, 32, 32), 90, 10, 80, "f"), 1.0)
    save(directory, "train", TrainedModel("j", f"s3://{bucket}/models/j/model.tar.gz", "i", 0.9, 1.0, 2), 1.0)
    save(directory, "deploy", Deployment(STACK, f"{STACK}-config", 0.95, 80, 100), 1.0)
    save(directory, "test", Executions(1, 1, 0, 0, datetime.now(UTC).isoformat()), 1.0)


def capture(bucket: str, first: int, wrong: bool) -> None:
    """Capture the inferences of 40 photos; "b" is always said, or three in four are right."""
    now = datetime.now(UTC)
    lines = []
    for number in range(first, first + 40):
        said = 1 if wrong else (number + (number % 8 < 2)) % 2
        data = {"endpointOutput": {"data": json.dumps([0.02, 0.98] if said else [0.98, 0.02]), "encoding": "JSON"}}
        ids = {"eventId": str(number), "inferenceId": f"images/test/{number}.png"}
        lines.append(json.dumps({"captureData": data, "eventMetadata": {**ids, "inferenceTime": now.isoformat()}}))
    key = f"captured/{STACK}/AllTraffic/{now:%Y/%m/%d/%H}/{now:%M-%S}-{first}.jsonl"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body="\n".join(lines).encode())


def run_monitor(directory: Path, environment: dict[str, str], *options: str) -> None:
    command = [sys.executable, str(ROOT / "training/run.py"), "monitor", "--stack-name", STACK, *options]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def ended_run(number: int) -> Any:
    """Wait until so many runs have ended; returns the newest."""
    sagemaker = boto3.client("sagemaker")

    def ended() -> Any:
        jobs = sagemaker.list_processing_jobs(NameContains=f"{STACK}-monitor-", SortBy="CreationTime")
        found = jobs["ProcessingJobSummaries"]
        if len(found) < number or any(one["ProcessingJobStatus"] == "InProgress" for one in found):
            return None
        newest = max(found, key=lambda one: one["CreationTime"])
        return sagemaker.describe_processing_job(ProcessingJobName=newest["ProcessingJobName"])

    return wait_for(ended)
