"""The program of a scheduled run, in a processing job.

It may be run twice, or twice at a time: captures are looked at once, and a run that finds another at work gives up.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from training.checks.verdict import Verdict
from training.console import PlainConsole
from training.context import Clients, Context
from training.errors import TrainingError
from training.watch import settings as settings_file
from training.watch import state as states
from training.watch import tell
from training.watch.look import Captures, Look, look, new_captures
from training.watch.settings import Settings
from training.watch.state import State, TakenError

ANOTHER = "Another run looks at the same captures: this one has nothing to do."


def main(words: Sequence[str]) -> int:
    """Look at new captures once.

    Args:
        words: The directory of the files of `settings.files_of`, and the file of the job's exit message.

    Returns:
        The exit code: 1 for an error, whatever the verdict.
    """
    directory, message = map(Path, words)
    try:
        settings = settings_file.read(directory)
        sentence, code = run(connect(settings, directory), settings, datetime.now(UTC)), 0
    except (TrainingError, ClientError, BotoCoreError) as err:
        sentence, code = f"error: {' '.join(str(err).split())}", 1
    print(sentence)
    message.parent.mkdir(parents=True, exist_ok=True)
    message.write_text(sentence)
    return code


def connect(settings: Settings, directory: Path) -> Context:
    import boto3

    clients = Clients(boto3.Session(region_name=settings.stack.region))
    return Context(settings.stack, directory, PlainConsole(file=sys.stdout), clients)


def run(context: Context, settings: Settings, now: datetime) -> str:
    """Look at new captures and tell what they show; returns a sentence about it.

    Raises:
        CaptureError: Captures cannot be read.
    """
    s3, bucket = context.clients.s3, settings.stack.bucket
    stored = states.load(s3, bucket)
    captures = new_captures(context, settings, stored.state, now)
    try:
        if captures.inferences.empty:
            tell.put_metrics(context, {"Inferences": 0.0}, stored.state.verdict, now)
            return f"Nothing was captured since the last run; the verdict was {stored.state.verdict or 'none'}."
        taken = states.take(stored, s3, bucket, now)
        seen = look(context, settings, captures)
        report = tell_about(context, settings, captures, seen, now)
        states.save(taken, next_state(captures, seen, settings), s3, bucket)
    except TakenError:
        return ANOTHER
    return sentence_of(seen.verdict, len(captures.inferences), report)


def tell_about(context: Context, settings: Settings, captures: Captures, seen: Look, now: datetime) -> str:
    """Write the report, publish the metrics, and send a message if one is worthwhile; returns the report's URI."""
    before = captures.state.verdict
    report = tell.write_report(context, seen, now)
    tell.put_metrics(context, tell.metrics_of(seen), next_state(captures, seen, settings).verdict, now)
    if counts(captures, seen, settings) and tell.is_worth_a_message(seen.verdict.state, before):
        tell.send(context, seen.verdict, before, report)
    return report


def next_state(captures: Captures, seen: Look, settings: Settings) -> State:
    """Return what the next run goes on with."""
    verdict = seen.verdict.state if counts(captures, seen, settings) else captures.state.verdict
    return replace(seen.state, verdict=verdict, lease="")


def counts(captures: Captures, seen: Look, settings: Settings) -> bool:
    """Tell whether a verdict is one to remember: on a quiet day, too few photos make every check unknown."""
    return seen.verdict.state == "stop" or len(captures.inferences) >= settings.limits.enough


def sentence_of(verdict: Verdict, inferences: int, report: str) -> str:
    """Return the exit message of a job; SageMaker keeps 1,024 characters."""
    return f"Verdict of {inferences} new inferences: {verdict.state}. Report: {report} {verdict.why}"
