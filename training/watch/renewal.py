"""After a deployment: lets the scheduled runs of monitor look at what is deployed now."""

import json
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from training.checks.limits import Limits
from training.context import Context
from training.errors import StackError, TrainingError
from training.refusals import is_denied
from training.region import command_for
from training.watch import schedule, step
from training.watch.settings import NAME, Settings, read_results

KEPT = ("ScheduleExpression", "ScheduleExpressionTimezone", "State")  # of the schedule, as it is


def renew(context: Context, now: datetime) -> None:
    """Renew this stack's schedule, if it has one, and say so in a line; how often runs start stays as it is.

    A failure does not undo the deployment: the line says what failed and what to do.

    Args:
        now: What was captured earlier is not looked at: the model before may have answered.
    """
    try:
        found = schedule.read(context)
        line = renewed(context, found, now) if found else None
    except (TrainingError, ClientError) as err:
        if isinstance(err, ClientError) and not is_denied(err):
            raise
        line = (
            f"Scheduled runs of monitor, if there are any, still compare with the model before ({err}): after the step "
            f"test, run `{command_for(context.stack, 'monitor')} --schedule RATE` again."
        )
    if line:
        context.console.print(line, markup=False, highlight=False, soft_wrap=True)


def renewed(context: Context, found: dict[str, Any], now: datetime) -> str:
    """Point the schedule at the newest results of the steps; returns a line about it.

    Raises:
        TrainingError: The stack cannot start runs, or the caller may not schedule them.
    """
    step.check_stack(context.stack)
    results, rate = read_results(context.directory, now.isoformat()), found["ScheduleExpression"]
    if results.deployment.capture_percentage == 0:
        return f"Scheduled runs of monitor ({rate}) find nothing from now on: the endpoint captures nothing."
    settings = Settings(context.stack, limits_of(context, found), results)
    kept = {name: found[name] for name in KEPT if name in found}
    step.put(context, step.request(context, settings, rate) | kept)
    return f"Scheduled runs of monitor ({rate}) compare with {results.model.training_job_name} from now on."


def limits_of(context: Context, found: dict[str, Any]) -> Limits:
    """Return what the checks of the schedule's runs allow, from the files that its runs read.

    Raises:
        StackError: They are no longer in the bucket, or another version wrote them.
    """
    try:
        inputs = json.loads(found["Target"]["Input"])["ProcessingInputs"]
        (uri,) = (one["S3Input"]["S3Uri"] for one in inputs if one["InputName"] == step.RUN)
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        content = context.clients.s3.get_object(Bucket=bucket, Key=prefix + NAME)["Body"].read()
        return Limits(**json.loads(content)["limits"])
    except ClientError as err:
        if err.response["Error"]["Code"] != "NoSuchKey":
            raise
        raise StackError("their limits are no longer in the bucket") from err
    except (KeyError, TypeError, ValueError) as err:
        raise StackError("their limits cannot be read: another version wrote them") from err
