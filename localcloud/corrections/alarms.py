"""Corrections of MiniStack's alarms, and the metrics that services of this cloud publish."""

import logging
import operator
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch

from localcloud import identity
from localcloud.corrections import main_loop, metric_data, persistence
from localcloud.corrections.queues import metrics as queue_metrics

WATCH_SECONDS = 2.0  # AWS looks each minute, at metrics of whole minutes

logger = logging.getLogger(__name__)

Alarm = dict[str, Any]
Evaluate = Callable[[Alarm], None]
Describe = Callable[..., Any]
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
# What an alarm without data is, by its TreatMissingData; "ignore" leaves it as it is.
WITHOUT_DATA = {"notBreaching": "OK", "breaching": "ALARM", "missing": "INSUFFICIENT_DATA"}


def judge_by_their_own_metric(original: Evaluate) -> Evaluate:
    """Judge an alarm by the metric with its dimensions, and by TreatMissingData when that has no data."""

    def evaluate(alarm: Alarm) -> None:
        if alarm.get("ComparisonOperator") not in COMPARISONS or not alarm.get("MetricName"):
            original(alarm)  # of other kinds
            return
        window = alarm.get("Period", 60) * alarm.get("EvaluationPeriods", 1)
        points = points_of(alarm, time.time() - window)
        if points:
            statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
            value = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
            breached = value is not None and COMPARISONS[alarm["ComparisonOperator"]](value, alarm.get("Threshold", 0))
            change(alarm, "ALARM" if breached else "OK", f"{statistic} {value}, threshold {alarm.get('Threshold', 0)}")
        elif time.time() >= alarm.get("StateUpdatedTimestamp", 0) + window:
            treatment = str(alarm.get("TreatMissingData") or "missing")
            state = WITHOUT_DATA.get(treatment, str(alarm["StateValue"]))
            change(alarm, state, f"no data, which is {treatment}")

    return evaluate


def points_of(alarm: Alarm, since: float) -> list[dict[str, Any]]:
    """Return the data of an alarm's metric, of its dimensions alone."""
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
    return [point for point in cloudwatch._metrics.get(key, []) if point["Timestamp"] >= since]


def change(alarm: Alarm, state: str, why: str) -> None:
    """Bring an alarm into a state, with all that follows from it."""
    before = alarm["StateValue"]
    if before == state:
        return
    reason = f"Threshold Crossed: {why}"
    alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def judge_before_describing(original: Describe) -> Describe:
    """Describe alarms as they are now, not as they were when the last metric came."""

    def describe(params: Any, cbor_data: Any, is_cbor: Any, is_json: bool = False) -> Any:
        cloudwatch._evaluate_all_alarms()
        return original(params, cbor_data, is_cbor, is_json)

    return describe


class Watch:
    """A thread that reports the queues and judges all alarms, each few seconds."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            try:
                main_loop.call(look)
            except Exception:  # the edge of a thread: the next look may see more
                logger.exception("The alarms could not be judged.")


def look() -> None:
    """Report the queues and judge the alarms; called on the thread that serves requests."""
    queue_metrics.report()
    before = [alarm["StateValue"] for alarm in cloudwatch._alarms.all_values()]
    for account_id, region in {key[:2] for key, _ in cloudwatch._alarms.all_items()}:
        with identity.request_scope(account_id, region):
            cloudwatch._evaluate_all_alarms()
    if before != [alarm["StateValue"] for alarm in cloudwatch._alarms.all_values()]:
        persistence.changed_without_request.set()


def judge_alarms_of(metrics: set[tuple[str, str]]) -> None:
    """Judge the alarms of metrics that have new data, by namespace and name."""
    for alarm in list(cloudwatch._alarms.values()):
        if (alarm.get("Namespace"), alarm.get("MetricName")) in metrics:
            cloudwatch._evaluate_alarm(alarm)


def publish_endpoint_metrics(scope: tuple[str, str], data: list[dict[str, Any]]) -> None:
    """Keep the metrics of endpoints, as PutMetricData does for its callers."""
    with identity.request_scope(*scope):
        for one in data:
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in one["Dimensions"]}
            name, unit, values = one["MetricName"], one["Unit"], one["Values"]
            metric_data.record(("AWS/SageMaker", name), values, unit, dimensions)
