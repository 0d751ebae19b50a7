"""What was written to CloudWatch Logs."""

import boto3


def log_of(group: str, stream_prefix: str) -> list[str]:
    """Return the messages of the streams with this prefix; none while there is no such group."""
    logs = boto3.client("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream_prefix)["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    ]
