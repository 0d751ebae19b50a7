"""Tells what a run found: metrics, the report in the bucket, and a message to the topic of alarms."""

import mimetypes
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from training.checks.check import State as VerdictState
from training.checks.verdict import Verdict
from training.config import REPORT_PREFIX
from training.context import Context
from training.refusals import is_missing
from training.report import files, history
from training.watch.look import Look

LATEST = f"{REPORT_PREFIX}/latest/"
LEVELS: dict[str, int] = {"healthy": 0, "check": 1, "stop": 2}  # the values of the metric Verdict
SUBJECT_LENGTH = 100  # characters, SNS's limit


def metrics_of(look: Look) -> dict[str, float]:
    """Return the numbers of a run: what is unknown has none."""
    told = {check.name: check.value for check in look.verdict.checks}
    found = {"Accuracy": told.get("accuracy"), "RefusedShare": told.get("refusals")}
    known = {name: value for name, value in found.items() if value is not None}
    watched = look.subject.watched
    if watched and len(watched.capital):
        known["DriftLogCapital"] = float(watched.capital[-1])
    return {"Inferences": float(len(look.subject.inferences)), **known}


def put_metrics(context: Context, values: dict[str, float], verdict: str, now: datetime) -> None:
    """Publish numbers in the stack's namespace; as all that costs for watching, only with Alerts=true."""
    if not context.stack.alert_topic_arn:
        return
    level = {"Verdict": float(LEVELS[verdict])} if verdict in LEVELS else {}
    data: Any = [{"MetricName": name, "Value": value, "Timestamp": now} for name, value in {**values, **level}.items()]
    context.clients.cloudwatch.put_metric_data(Namespace=f"scones/{context.stack.name}", MetricData=data)


def write_report(context: Context, look: Look, now: datetime) -> str:
    """Write the report to `reports/<time>/` and `reports/latest/`; returns the URI of the first page."""
    prefix = f"{REPORT_PREFIX}/{now:%Y-%m-%dT%H-%M-%SZ}/"
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        fetch_previous(context, directory)
        page = files.write(look.subject, directory)
        for target in (prefix, LATEST):
            for path in sorted(one for one in directory.iterdir() if one.is_file()):
                put(context, f"{target}{path.name}", path)
    return f"s3://{context.stack.bucket}/{prefix}{page.name}"


def fetch_previous(context: Context, directory: Path) -> None:
    """Fetch the record of the last report, which the new one is compared with."""
    key = f"{LATEST}{history.NAME}"
    try:
        body = context.clients.s3.get_object(Bucket=context.stack.bucket, Key=key)["Body"]
    except ClientError as err:
        if err.response["Error"]["Code"] != "NoSuchKey" and not is_missing(err):
            raise
        return
    (directory / history.NAME).write_bytes(body.read())


def put(context: Context, key: str, path: Path) -> None:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    context.clients.s3.put_object(Bucket=context.stack.bucket, Key=key, Body=path.read_bytes(), ContentType=kind)


def is_worth_a_message(verdict: VerdictState, before: str) -> bool:
    """Tell whether somebody must know: each stop, and each change; the first verdict changes a healthy one."""
    return verdict == "stop" or verdict != (before or "healthy")


def send(context: Context, verdict: Verdict, before: str, report: str) -> None:
    """Send one message to the topic of alarms; without Alerts=true there is none."""
    topic = context.stack.alert_topic_arn
    if not topic:
        return
    changed = f" (before: {before})" if before and before != verdict.state else ""
    subject = f"{context.stack.name}: the verdict is {verdict.state}{changed}"
    text = f"{verdict.why}\n\nWhat to do: {verdict.action}\n\nReport: {report}\n"
    context.clients.sns.publish(TopicArn=topic, Subject=subject[:SUBJECT_LENGTH], Message=text)
