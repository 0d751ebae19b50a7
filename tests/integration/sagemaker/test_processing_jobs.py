"""Processing jobs: a program on AWS's PyTorch image, from inputs in the bucket to outputs in the bucket."""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.iam import create_role
from tests.integration.support.logs import log_of
from tests.integration.support.members import PROCESSING, Member, members_of, value_at, with_members
from tests.integration.support.names import NAME
from tests.integration.support.own_code import PYTORCH_IMAGE
from tests.integration.support.waiting import wait_for

ledger = pytest.mark.aws
JOB = f"{NAME}-processing"
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
# `in_base` maps the paths of the arguments where the machine allows no mounts.
WORDS = """
import json, os, sys
from pathlib import Path
source, target, message = map(Path, sys.argv[1:])
words = " ".join(path.read_text() for path in sorted(source.rglob("*.txt")))
print("found", words)
(target / "deep").mkdir()
(target / "deep" / "words.json").write_text(json.dumps([words, os.environ["GREETING"]]))
message.write_text("two words")
"""
PROGRAMS = {
    "words.py": WORDS,
    "exit.py": "raise SystemExit(3)",
    "killed.py": "import os; os.kill(os.getpid(), 9)",
    "sleep.py": "import time; time.sleep(600)",
}
ARGUMENTS = ["/opt/ml/processing/input/words", "/opt/ml/processing/output", "/opt/ml/output/message"]


def job_request(name: str, bucket: str, role: str, program: str = "words.py", **changes: Any) -> dict[str, Any]:
    """Return the arguments of CreateProcessingJob for a program of PROGRAMS; `changes` replace whole members."""
    inputs = [
        {
            "InputName": input_name,
            "S3Input": {
                "S3Uri": f"s3://{bucket}/{input_name}/",
                "LocalPath": f"/opt/ml/processing/input/{input_name}",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }
        for input_name in ("words", "programs")
    ]
    result = {"S3Uri": f"s3://{bucket}/results/{name}", "LocalPath": ARGUMENTS[1], "S3UploadMode": "EndOfJob"}
    return {
        "ProcessingJobName": name,
        "RoleArn": role,
        "AppSpecification": {
            "ImageUri": PYTORCH_IMAGE,
            "ContainerEntrypoint": ["python", f"/opt/ml/processing/input/programs/{program}"],
            "ContainerArguments": ARGUMENTS,
        },
        "Environment": {"GREETING": "hello"},
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "results", "S3Output": result}]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }


def ended_job(sagemaker: Any, name: str) -> dict[str, Any]:
    """Wait for the end of a job and return its description."""

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
        return job if job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return wait_for(ended)


@pytest.fixture(scope="module")
def words(bucket: str) -> str:
    """Return the bucket, with two texts and the programs."""
    texts = {"words/a.txt": "one", "words/b.txt": "two"}
    for key, text in (texts | {f"programs/{name}": program for name, program in PROGRAMS.items()}).items():
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return bucket


@pytest.fixture(scope="module")
def processed(sagemaker: Any, words: str, role: str) -> dict[str, Any]:
    """Return the description of a completed job that was given every member without effect."""
    request = with_members(job_request(JOB, words, role, Tags=[{"Key": "team", "Value": "scones"}]), PROCESSING)
    sagemaker.create_processing_job(**request)
    return ended_job(sagemaker, JOB) | {"Request": request}


@ledger(
    "SageMaker",
    "CreateProcessingJob, DescribeProcessingJob, ListProcessingJobs, StopProcessingJob: inputs from S3, outputs to S3 "
    "at the end, Environment, log, exit message",
    "approximate",
    "on AWS's PyTorch image with a ContainerEntrypoint; `python` and its packages are this machine's",
)
def test_a_job_reads_its_inputs_and_writes_its_outputs(processed: dict[str, Any], words: str) -> None:
    assert processed["ProcessingJobStatus"] == "Completed", processed.get("FailureReason")
    body = boto3.client("s3").get_object(Bucket=words, Key=f"results/{JOB}/deep/words.json")["Body"]
    assert json.loads(body.read()) == ["one two", "hello"]
    assert processed["ExitMessage"] == "two words"
    assert processed["CreationTime"] <= processed["ProcessingStartTime"] <= processed["ProcessingEndTime"]
    assert "found one two" in log_of(LOG_GROUP, f"{JOB}/")


def test_a_job_is_described_as_it_was_given_and_listed(sagemaker: Any, processed: dict[str, Any]) -> None:
    for name, value in processed["Request"].items():
        assert name == "Tags" or processed[name] == value, name
    (listed,) = sagemaker.list_processing_jobs(NameContains=JOB)["ProcessingJobSummaries"]
    assert (listed["ProcessingJobArn"], listed["ProcessingJobStatus"]) == (processed["ProcessingJobArn"], "Completed")
    tags = sagemaker.list_tags(ResourceArn=processed["ProcessingJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "scones"}]


@pytest.mark.parametrize(
    "member", [pytest.param(one, marks=ledger(*one.ledger_line), id=one.path) for one in members_of(PROCESSING)]
)
def test_a_member_of_a_processing_job_is_described(processed: dict[str, Any], member: Member) -> None:
    assert value_at(processed, member.path) == member.value


def test_a_name_is_taken_once(sagemaker: Any, processed: dict[str, Any]) -> None:
    request = {name: value for name, value in processed["Request"].items() if name != "Tags"}
    with pytest.raises(ClientError, match=r"ResourceInUse.*must be unique within an AWS account and region"):
        sagemaker.create_processing_job(**request)


@pytest.mark.parametrize(
    ("program", "reason"),
    [("exit.py", "exit code: 3"), ("killed.py", "exit code: 137"), ("missing.py", "exit code: 2")],
)
def test_a_program_that_fails_fails_the_job(sagemaker: Any, words: str, role: str, program: str, reason: str) -> None:
    name = f"{NAME}-{uuid.uuid4().hex[:8]}"
    sagemaker.create_processing_job(**job_request(name, words, role, program))
    job = ended_job(sagemaker, name)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ") and reason in job["FailureReason"]


def test_a_role_that_may_not_read_the_inputs_fails_the_job(sagemaker: Any, words: str) -> None:
    name = f"{NAME}-no-words"
    allowed = {"Effect": "Allow", "Action": ["s3:ListBucket", "ecr:*", "logs:*"], "Resource": "*"}
    sagemaker.create_processing_job(**job_request(name, words, create_role(name, "sagemaker", allowed)))
    assert "AccessDenied" in ended_job(sagemaker, name)["FailureReason"]


def test_a_job_that_is_stopped_ends_as_stopped(sagemaker: Any, words: str, role: str) -> None:
    name = f"{NAME}-stopped"
    sagemaker.create_processing_job(**job_request(name, words, role, "sleep.py"))
    sagemaker.stop_processing_job(ProcessingJobName=name)
    assert ended_job(sagemaker, name)["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="is in status Stopped"):
        sagemaker.stop_processing_job(ProcessingJobName=name)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"AppSpecification": {"ImageUri": PYTORCH_IMAGE}}, "ContainerEntrypoint is missing"),
        (
            {
                "ProcessingInputs": [
                    {
                        "InputName": "words",
                        "S3Input": {"S3Uri": "s3://b/w", "LocalPath": "/w", "S3DataType": "S3Prefix"},
                    }
                ]
            },
            "The LocalPath of words must begin with /opt/ml/processing/",
        ),
        ({"NetworkConfig": {"EnableNetworkIsolation": True}}, "does not emulate NetworkConfig"),
    ],
    ids=["program", "path", "network"],
)
def test_what_is_not_emulated_is_refused_by_name(
    sagemaker: Any, words: str, role: str, changes: dict[str, Any], sentence: str
) -> None:
    request = job_request(f"{NAME}-refused", words, role, **changes)
    with pytest.raises(ClientError, match=sentence):
        sagemaker.create_processing_job(**request)


@ledger("EventBridge Scheduler", "rate(...) schedules, sagemaker:createProcessingJob, context attributes", "exact")
def test_a_schedule_starts_jobs_as_its_role(sagemaker: Any, words: str, role: str, aws: dict[str, str]) -> None:
    name, scheduler = f"{NAME}-scheduled", boto3.client("scheduler")
    starting = {"Effect": "Allow", "Action": "sagemaker:CreateProcessingJob", "Resource": f"*:processing-job/{name}-*"}
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role}
    request = job_request(f"{name}-<aws.scheduler.execution-id>", words, role)
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob",
            "RoleArn": create_role(name, "scheduler", starting, passing),
            "Input": json.dumps(request),
        },
    )

    def started() -> str | None:
        found = sagemaker.list_processing_jobs(NameContains=f"{name}-")["ProcessingJobSummaries"]
        return found[0]["ProcessingJobName"] if found else None

    job = ended_job(sagemaker, wait_for(started))
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert scheduler.get_schedule(Name=name)["ScheduleExpression"] == "rate(1 hour)"
    scheduler.delete_schedule(Name=name)
