"""`monitor --schedule`: lets EventBridge Scheduler start runs of monitor, or ends that."""

from typing import Any

from botocore.exceptions import ClientError

from training import schedules
from training.config import CODE_CHANNEL, STACK_TAG, WATCH_PREFIX, Stack
from training.context import Context
from training.errors import CaptureError, StackError
from training.options import MonitorOptions
from training.programs.code import digest_of, stage_code
from training.programs.own import PROCESSOR, pytorch_image
from training.programs.program import Code
from training.watch import schedule
from training.watch.package import ARCHIVE, read_program
from training.watch.settings import Settings, files_of, read_results
from training.watch.state import LEASE

LONGEST_STACK = 38  # characters: a job's name has 63 at most, with the Scheduler's 16
DISK = 10  # GB; SageMaker's minimum is 1
INPUTS = "/opt/ml/processing/input/"
RUN = "run"  # the input with the files of `settings.files_of`
MESSAGE = "/opt/ml/output/message"  # SageMaker keeps its first 1,024 characters as the ExitMessage
# `training` and its requirements are unpacked into a directory of their own; the words after this one are $0 to $2.
SCRIPT = 'cd "$(mktemp -d)" && python -m zipfile -e "$0" . && exec python -m training.watch "$1" "$2"'
RETRIES = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 5}
COST = "about 0.01 USD a run on AWS: five minutes of one ml.m5.large"
OLD = "older template, without the role that starts scheduled runs"


def schedule_monitoring(context: Context, options: MonitorOptions) -> dict[str, str | None]:
    """Put the schedule with what its runs need, or end it; returns what there is now.

    Raises:
        StackError: The stack cannot start runs.
        StepNotRunError: The steps before monitor were not run.
        CaptureError: The endpoint captures nothing.
    """
    if options.schedule is None:
        schedule.delete(context)
        context.console.print("No run of monitor is scheduled any more.")
        return {"name": schedule.schedule_name(context.stack), "expression": None}
    check_stack(context.stack)
    settings = Settings(context.stack, options.limits, read_results(context.directory))
    if settings.results.deployment.capture_percentage == 0:
        raise CaptureError(
            "The endpoint captures nothing: run the step deploy with --capture-percentage 1 to 100 first."
        )
    put(context, request(context, settings, options.schedule))
    context.console.print(
        f"Monitor runs at {options.schedule}, {COST}. Reports: s3://{context.stack.bucket}/reports/latest/report.html",
        highlight=False,
        soft_wrap=True,
    )
    return {"name": schedule.schedule_name(context.stack), "expression": options.schedule}


def check_stack(stack: Stack) -> None:
    """Refuse a stack that cannot start runs.

    Raises:
        StackError: It was deployed from an older template, or its name is too long for the names of the jobs.
    """
    if not stack.watch_role_arn:
        raise StackError(f"The stack {stack.name} was deployed from an {OLD}: run `sam build && sam deploy` again.")
    if len(stack.name) > LONGEST_STACK:
        raise StackError(
            f"The name {stack.name} has {len(stack.name)} characters, and jobs can be named after {LONGEST_STACK}: "
            "deploy a stack with a shorter name to schedule its monitoring."
        )


def put(context: Context, wanted: dict[str, Any]) -> None:
    """Put the schedule.

    Raises:
        StackError: The caller may not.
    """
    try:
        schedules.put(context, wanted)
    except ClientError as err:
        if not schedules.is_refused(err):
            raise
        raise StackError(
            f"The runs of monitor cannot be scheduled ({err}): take WatchPolicy of permissions.yaml, or correct the "
            "stack with `sam deploy`."
        ) from err


def request(context: Context, settings: Settings, expression: str) -> dict[str, Any]:
    """Stage the program and the files of the run; returns the arguments of CreateSchedule."""
    stack = context.stack
    program, given = read_program(stack.bucket), staged_files(context, settings)
    for one in (program, given):
        stage_code(one, context.clients.s3)
    arguments = job(stack, program.uri, given.uri)
    return {
        "Name": schedule.schedule_name(stack),
        "Description": schedule.description(stack),
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": schedules.target(stack.watch_role_arn, "sagemaker:createProcessingJob", arguments, RETRIES),
    }


def staged_files(context: Context, settings: Settings) -> Code:
    """Return the files of the run under the URI that they have, or will have, in the bucket."""
    files = files_of(context.directory, settings)
    return Code(f"s3://{context.stack.bucket}/{WATCH_PREFIX}/{digest_of(files)}/", files)


def job(stack: Stack, program_uri: str, run_uri: str) -> dict[str, Any]:
    """Return the arguments of CreateProcessingJob."""
    words = [f"{INPUTS}{CODE_CHANNEL}/{ARCHIVE}", f"{INPUTS}{RUN}", MESSAGE]
    return {
        "ProcessingJobName": f"{schedule.job_prefix(stack)}{schedule.EXECUTION_ID}",
        "RoleArn": stack.execution_role_arn,
        "AppSpecification": {
            "ImageUri": pytorch_image(stack.region),
            "ContainerEntrypoint": ["bash", "-c", SCRIPT, *words],
        },
        "ProcessingInputs": [input_of(CODE_CHANNEL, program_uri), input_of(RUN, run_uri)],
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": PROCESSOR, "VolumeSizeInGB": DISK}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": int(LEASE.total_seconds())},
        "Tags": [{"Key": STACK_TAG, "Value": stack.name}],
    }


def input_of(name: str, uri: str) -> dict[str, Any]:
    place = {"S3Uri": uri, "LocalPath": f"{INPUTS}{name}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": place}
