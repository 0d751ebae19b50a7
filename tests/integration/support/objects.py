"""Objects of a bucket."""

from typing import Any


def contents(s3: Any, bucket: str) -> dict[str, tuple[str, bytes]]:
    """Return content type and body of each object by its key."""
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    objects = {key: s3.get_object(Bucket=bucket, Key=key) for key in keys}
    return {key: (one["ContentType"], one["Body"].read()) for key, one in objects.items()}
