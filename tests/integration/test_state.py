"""The state and the processes of the local cloud: what is kept, what is forgotten, and that no process is left.

One cloud with a resource of every kind is ended in each way and started again.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from localcloud import process
from tests.integration.support.clouds import clients_of
from tests.integration.support.command_line import Cloud
from tests.integration.support.endpoints import create_constant_endpoint
from tests.integration.support.functions import create_function
from tests.integration.support.iam import WRITE_LOGS, create_role, policy_document
from tests.integration.support.schedules import allow_deletion, endpoint_exists, request, schedule_exists
from tests.integration.support.training_jobs import IMAGE
from tests.integration.support.waiting import wait_for

NAME = "kept"
ANSWER = [0.75, 0.25]
PIXEL = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"  # an image of one pixel
ANY_IMAGE = "application/x-image"
SAVED_SECONDS = 2.5  # after a change, until it is on disk


def words_of(process: psutil.Process) -> list[str]:
    """Return a process's command line, nothing of one that has just ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # the cloud asks short programs what this machine can
        return []


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Yield a cloud with a resource of every kind; this process's AWS clients use it."""
    cloud = Cloud(tmp_path_factory.mktemp("kept") / "cloud")
    with clients_of(cloud.state, cloud.up().port):
        furnish()
        yield cloud
    cloud.run("down")


def furnish() -> None:
    s3, iam = boto3.client("s3"), boto3.client("iam")
    s3.create_bucket(Bucket=NAME)
    s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket=NAME, Policy=policy_document(DENY_OTHERS))
    s3.put_bucket_tagging(Bucket=NAME, Tagging={"TagSet": [{"Key": "team", "Value": "scones"}]})
    for body in (b"first", b"second"):
        s3.put_object(Bucket=NAME, Key="photo", Body=body, ContentType="image/png", Metadata={"camera": "left"})
    s3.put_object(Bucket=NAME, Key="gone", Body=b"")
    s3.delete_object(Bucket=NAME, Key="gone")
    everything = {"Effect": "Allow", "Action": ["s3:*", "logs:*", "ecr:*", "lambda:*"], "Resource": "*"}
    role = create_role(f"{NAME}-sagemaker", "sagemaker", everything)
    function = create_function(NAME, create_role(f"{NAME}-function", "lambda", WRITE_LOGS), ECHO)
    iam.tag_role(RoleName=f"{NAME}-sagemaker", Tags=[{"Key": "team", "Value": "scones"}])
    create_constant_endpoint(NAME, NAME, role, ANSWER)
    expiry = create_role(f"{NAME}-expiry", "scheduler", allow_deletion(NAME))
    boto3.client("scheduler").create_schedule(**request(NAME, NAME, expiry, 86_400))
    definition = {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": function, "End": True}}}
    states, states_role = boto3.client("stepfunctions"), create_role(f"{NAME}-states", "states", everything)
    machine = states.create_state_machine(name=NAME, roleArn=states_role, definition=json.dumps(definition))
    states.start_execution(stateMachineArn=machine["stateMachineArn"], name="one", input='{"photo": "a.png"}')
    while states.list_executions(stateMachineArn=machine["stateMachineArn"], statusFilter="RUNNING")["executions"]:
        time.sleep(0.05)


DENY_OTHERS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": f"arn:aws:s3:::{NAME}/*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
ECHO = "def lambda_handler(event, context):\n    print('seen', event['photo'])\n    return event\n"


def inventory() -> dict[str, Any]:
    """Return the resources of the cloud, of all kinds that the application uses."""
    s3, iam, states = boto3.client("s3"), boto3.client("iam"), boto3.client("stepfunctions")
    versions = s3.list_object_versions(Bucket=NAME)
    machine = states.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    execution = states.list_executions(stateMachineArn=machine)["executions"][0]["executionArn"]
    logs = boto3.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{NAME}", filterPattern="seen")
    sagemaker = boto3.client("sagemaker")
    return {
        "versions": [(one["Key"], one["VersionId"], one["IsLatest"], one["ETag"]) for one in versions["Versions"]],
        "markers": [(one["Key"], one["VersionId"]) for one in versions["DeleteMarkers"]],
        "metadata": without_reply(s3.head_object(Bucket=NAME, Key="photo")),
        "contents": [
            s3.get_object(Bucket=NAME, Key="photo", VersionId=one["VersionId"])["Body"].read()
            for one in versions["Versions"]
            if one["Key"] == "photo"
        ],
        "policy": s3.get_bucket_policy(Bucket=NAME)["Policy"],
        "bucket tags": s3.get_bucket_tagging(Bucket=NAME)["TagSet"],
        "roles": [without_reply(iam.get_role(RoleName=one["RoleName"])) for one in iam.list_roles()["Roles"]],
        "role policy": iam.get_role_policy(RoleName=f"{NAME}-states", PolicyName="all")["PolicyDocument"],
        "function": boto3.client("lambda").get_function(FunctionName=NAME)["Configuration"],
        "state machine": without_reply(states.describe_state_machine(stateMachineArn=machine)),
        "execution": without_reply(states.describe_execution(executionArn=execution)),
        "history": states.get_execution_history(executionArn=execution)["events"],
        "logs": [event["message"] for event in logs["events"]],
        "model": without_reply(sagemaker.describe_model(ModelName=NAME)),
        "endpoint configuration": without_reply(sagemaker.describe_endpoint_config(EndpointConfigName=NAME)),
        "schedule": without_reply(boto3.client("scheduler").get_schedule(Name=NAME)),
    }


def without_reply(reply: Any) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name != "ResponseMetadata"}


def check_that_it_works() -> None:
    """Invoke the endpoint and the function."""
    waiter = boto3.client("sagemaker").get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    endpoint = boto3.client("sagemaker-runtime").invoke_endpoint(EndpointName=NAME, Body=PIXEL, ContentType=ANY_IMAGE)
    assert json.loads(endpoint["Body"].read()) == pytest.approx(ANSWER)
    function = boto3.client("lambda").invoke(FunctionName=NAME, Payload='{"photo": "b.png"}')
    assert json.loads(function["Payload"].read()) == {"photo": "b.png"}


# How a cloud can end ---------------------------------------------------------------------------------------------


def shut_down(cloud: Cloud) -> None:
    """Shut the cloud down in good time, although a client does not read its answer."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="unread")
    s3.put_object(Bucket="unread", Key="large", Body=bytes(30_000_000))
    unread = s3.get_object(Bucket="unread", Key="large")["Body"]
    begun = time.monotonic()
    cloud.run("down")
    assert time.monotonic() - begun < process.STOP_SECONDS / 2
    unread.close()


def kill_server(cloud: Cloud) -> None:
    psutil.Process(cloud.here.pid).kill()


def kill_supervisor(cloud: Cloud) -> None:
    cloud.family()[0].kill()


def kill_everything(cloud: Cloud) -> None:
    for one in cloud.family():
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended with its parent
            one.kill()


def wait_until_gone(processes: list[psutil.Process], seconds: float = 15) -> None:
    wait_for(lambda: not any(is_alive(one) for one in processes), seconds, pause=0.05)


def is_alive(one: psutil.Process) -> bool:
    try:
        return one.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


ENDS = [shut_down, kill_server, kill_supervisor, kill_everything]


@pytest.mark.aws("Local cloud", "everything survives `down` and `up`; endpoints return to InService", "exact")
@pytest.mark.aws(
    "Local cloud",
    "everything survives kill -9 and a reboot",
    "approximate",
    "S3 objects and SageMaker are saved at once, all else within a second of its change, or within ten times the "
    "duration of a save (5 s with 1,000 executions in the history)",
)
@pytest.mark.aws("Local cloud", "no process is left, however the cloud ends", "exact")
@pytest.mark.parametrize("end", ENDS)
def test_state_is_kept_and_no_process_is_left(furnished: Cloud, end: Callable[[Cloud], None]) -> None:
    time.sleep(SAVED_SECONDS)
    before, family = inventory(), furnished.family()
    assert len(family) >= 4  # with a function's and an endpoint's process
    end(furnished)
    wait_until_gone(family)
    assert "does not run" in furnished.run("status", status=1)
    furnished.run("up")  # on the same port
    after = inventory()
    assert {name: after[name] for name in before if name != "logs"} == {n: before[n] for n in before if n != "logs"}
    assert after["logs"][: len(before["logs"])] == before["logs"]
    check_that_it_works()


@pytest.mark.correction(name="state-of-services-in-use")
def test_only_services_in_use_are_saved(furnished: Cloud) -> None:
    boto3.client("iam").create_user(UserName=NAME)
    time.sleep(SAVED_SECONDS)
    saved = {path.stem for path in (furnished.state / "ministack").glob("*.json")}
    assert "iam" in saved
    assert not {"dynamodb", "ec2", "rds"} & saved


@pytest.mark.aws("Local cloud", "the next `up` ends the processes that a crash left running", "exact")
def test_orphans_are_ended(furnished: Cloud) -> None:
    endpoint = next(one for one in furnished.family() if "training.algorithm" in words_of(one))
    for one in furnished.family()[:2]:  # supervisor and server at once, so that nothing ends the endpoint
        one.kill()
    furnished.run("up")
    wait_until_gone([endpoint])


@pytest.mark.aws(
    "Local cloud", "`down` while a training job runs: the job has failed when the cloud is up again", "exact"
)
def test_a_training_job_ends_with_the_cloud(furnished: Cloud) -> None:
    sagemaker = boto3.client("sagemaker")
    role = boto3.client("iam").get_role(RoleName=f"{NAME}-sagemaker")["Role"]["Arn"]
    photos: Any = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{NAME}/photo"}}
    sagemaker.create_training_job(
        TrainingJobName=NAME,
        RoleArn=role,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "train", "DataSource": photos}],
        OutputDataConfig={"S3OutputPath": f"s3://{NAME}/models"},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        ResourceConfig={"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
    )
    while not (jobs := [one for one in furnished.family() if words_of(one)[-1:] == ["train"]]):
        time.sleep(0.02)
    furnished.run("down")
    wait_until_gone(jobs)
    furnished.run("up")
    job = sagemaker.describe_training_job(TrainingJobName=NAME)
    assert job["TrainingJobStatus"] in ("Failed", "Stopped")


@pytest.mark.aws(
    "EventBridge Scheduler",
    "a schedule whose time passes while nothing of the user's runs is called all the same",
    "approximate",
    "the laptop must run: what passed while the local cloud did not is called at the next `up`",
)
def test_a_schedule_that_passed_while_the_cloud_was_dead_is_called_at_the_next_start(furnished: Cloud) -> None:
    """A schedule whose role may not delete the endpoint is told in the server's log."""
    scheduler = boto3.client("scheduler")
    other = create_role(f"{NAME}-other", "scheduler", allow_deletion("another"))
    scheduler.create_schedule(**request(f"{NAME}-refused", NAME, other, SAVED_SECONDS + 1))
    target: Any = scheduler.get_schedule(Name=NAME)["Target"]
    moved = {**request(NAME, NAME, "", SAVED_SECONDS + 1), "Target": target}
    scheduler.update_schedule(**moved)
    passed = time.time() + SAVED_SECONDS + 2
    time.sleep(SAVED_SECONDS)
    kill_everything(furnished)
    time.sleep(max(0.0, passed - time.time()))
    furnished.run("up")
    wait_for(lambda: not endpoint_exists(NAME), seconds=30)
    wait_for(lambda: not schedule_exists(NAME) and not schedule_exists(f"{NAME}-refused"))
    log = furnished.run("logs")
    assert f"schedule/default/{NAME}-refused has not called its target" in log
    assert f"assumed-role/{NAME}-other/" in log


@pytest.mark.aws("Local cloud", "`reset` forgets everything, the root keys too", "exact")
def test_reset_forgets(furnished: Cloud) -> None:
    furnished.run("reset")
    furnished.run("up", "--port", boto3.client("s3").meta.endpoint_url.rsplit(":", 1)[1])
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        boto3.client("s3").list_buckets()
    with clients_of(furnished.state, furnished.here.port):
        assert boto3.client("s3").list_buckets()["Buckets"] == []
        assert boto3.client("iam").list_roles()["Roles"] == []
        assert boto3.client("sagemaker").list_endpoints()["Endpoints"] == []
        assert boto3.client("stepfunctions").list_state_machines()["stateMachines"] == []
        assert boto3.client("scheduler").list_schedules()["Schedules"] == []
