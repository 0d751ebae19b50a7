"""A bucket in memory with the part of boto3's client that Distributed Map calls."""

import hashlib
import io
import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


class Bucket:
    """Objects by key; pages of its listing have two."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects
        self.calls: list[str] = []

    def put(self, key: str, value: Any) -> None:
        self.objects[key] = value if isinstance(value, bytes) else json.dumps(value).encode()

    def json(self, key: str) -> Any:
        return json.loads(self.objects[key])

    def list_objects_v2(self, **arguments: Any) -> Any:
        self.calls.append("list")
        first = int(arguments.get("ContinuationToken", 0))
        keys = sorted(key for key in self.objects if key.startswith(arguments.get("Prefix", "")))
        page = {"Contents": [self._row(key) for key in keys[first : first + 2]]}
        return {**page, "IsTruncated": first + 2 < len(keys), "NextContinuationToken": str(first + 2)}

    def _row(self, key: str) -> dict[str, Any]:
        etag = f'"{hashlib.md5(self.objects[key]).hexdigest()}"'
        return {"Key": key, "Size": len(self.objects[key]), "ETag": etag, "LastModified": MOMENT}

    def get_object(self, **arguments: Any) -> Any:
        self.calls.append(f"get {arguments['Key']}")
        if arguments["Key"] not in self.objects:
            error: Any = {"Error": {"Code": "NoSuchKey", "Message": "The specified key does not exist."}}
            error["ResponseMetadata"] = {"HTTPStatusCode": 404, "RequestId": "r"}
            raise ClientError(error, "GetObject")
        return {"Body": io.BytesIO(self.objects[arguments["Key"]])}

    def put_object(self, **arguments: Any) -> Any:
        if arguments["Bucket"] != "results":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")
        self.objects[arguments["Key"]] = arguments["Body"]
        return {}
