"""The metrics of queues in AWS/SQS: counts as they come, and each few seconds how many messages wait, and how long.

AWS reports a queue each minute until it has been idle for six hours; here one with messages, and once when it is empty.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

import threading
import time
from collections import Counter
from typing import Any

from ministack.services import sqs

from localcloud import identity
from localcloud.corrections import metric_data

NAMESPACE = "AWS/SQS"

_counts: Counter[tuple[str, str]] = Counter()  # by queue's ARN and metric, since the last report
_reported: set[str] = set()  # ARNs of the queues that had messages then
_lock = threading.Lock()


def count(arn: str, metric: str, number: int = 1) -> None:
    with _lock:
        _counts[arn, metric] += number


def report() -> None:
    """Record the metrics of all queues; called on the thread that serves requests."""
    with _lock:
        counts = dict(_counts)
        _counts.clear()
    for (arn, metric), number in counts.items():
        record(arn, metric, number, "Count")
    for queue in sqs._queues.all_values():
        report_waiting(queue["attributes"]["QueueArn"], list(queue["messages"]))


def report_waiting(arn: str, messages: list[dict[str, Any]]) -> None:
    """Record how many of a queue's messages wait, and the age of the oldest in seconds."""
    if not messages and arn not in _reported:
        return
    now = time.time()
    hidden = [one for one in messages if one["visible_at"] > now]
    in_flight = sum(1 for one in hidden if one["receive_count"])
    ages = [now - one["sent_at"] for one in messages]
    record(arn, "ApproximateNumberOfMessagesVisible", len(messages) - len(hidden), "Count")
    record(arn, "ApproximateNumberOfMessagesNotVisible", in_flight, "Count")
    record(arn, "ApproximateNumberOfMessagesDelayed", len(hidden) - in_flight, "Count")
    record(arn, "ApproximateAgeOfOldestMessage", max(ages, default=0.0), "Seconds")
    if messages:
        _reported.add(arn)
    else:
        _reported.discard(arn)


def record(arn: str, metric: str, value: float, unit: str) -> None:
    *_, region, account_id, name = arn.split(":")
    with identity.request_scope(account_id, region):
        metric_data.record((NAMESPACE, metric), [value], unit, {"QueueName": name})
