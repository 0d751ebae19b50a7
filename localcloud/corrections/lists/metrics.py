"""CloudWatch: metrics, alarms and logs."""

from localcloud.corrections import alarms, cloudwatch, embedded_metrics, log_events
from localcloud.corrections.correction import Correction

CORRECTIONS = (
    Correction(
        "cloudwatch-namespace",
        target="ministack.core.iam_actions:request_tag_context",
        digest="d46adb816e02",
        replace=cloudwatch.give_the_namespace_to_policies,
        aws="Has the condition key cloudwatch:namespace for PutMetricData; in MiniStack a statement with it never "
        "allows anything.",
        link="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html",
    ),
    Correction(
        "alarm-dimensions",
        target="ministack.services.cloudwatch:_evaluate_alarm",
        digest="a0b0acd3d432",
        replace=alarms.judge_by_their_own_metric,
        aws="Judges an alarm by the metric with the alarm's dimensions, and by TreatMissingData when that has no data; "
        "in MiniStack the metric of any dimensions sets it off, and it stays as it is when no data come.",
        link="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html",
    ),
    Correction(
        "alarms-are-current",
        target="ministack.services.cloudwatch:_describe_alarms",
        digest="ab8f092ff9ae",
        replace=alarms.judge_before_describing,
        aws="Judges alarms all the time; MiniStack only when a metric comes through PutMetricData.",
        link="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Alarms.html",
    ),
    Correction(
        "metric-dimensions",
        target="ministack.services.cloudwatch:_dims_from_list",
        digest="ebc530b8a5dc",
        replace=embedded_metrics.find_the_metric_that_is_named,
        aws="Finds the metric without dimensions for a request without them; MiniStack adds up those of all.",
        link="https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html",
    ),
    Correction(
        "embedded-metrics",
        target="ministack.services.cloudwatch_logs:_put_log_events",
        digest="acd4fda33a38",
        replace=embedded_metrics.extract_metrics,
        aws="Makes metrics of log events in the embedded metric format; MiniStack none.",
        link="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/"
        "CloudWatch_Embedded_Metric_Format_Specification.html",
    ),
    Correction(
        "log-events-kept",
        target="ministack.services.cloudwatch_logs:_append_log_events",
        digest="e47cae7a15a4",
        replace=log_events.keep_in_blocks,
        aws="Keeps log events when it answers; MiniStack in memory, with all others of the stream, until it is shut "
        "down.",
        link="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html",
    ),
)
