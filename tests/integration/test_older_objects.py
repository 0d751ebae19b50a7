"""Objects that an older version of the local cloud has written, each into a file of its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.environment import ACCOUNT_ID
from tests.integration.support.clouds import OwnCloud, only_local, own_cloud

pytestmark = only_local


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[OwnCloud]:
    with own_cloud(tmp_path / "cloud") as cloud:
        yield cloud


def write_files(state: Path) -> None:
    """Write the objects of a bucket as the older version did."""
    bucket = state / "s3" / ACCOUNT_ID / "photos"
    old = state / "s3" / ".versions" / ACCOUNT_ID / "photos"
    entry: dict[str, Any] = {"size": 5, "last_modified": "2026-01-01T00:00:00.000Z", "etag": '"e"', "data": None}
    versions = [{**entry, "version_id": one, "is_latest": False} for one in ("null", "v1", "v2")]
    marker = {**entry, "version_id": "m", "is_delete_marker": True, "is_latest": True}
    whole = {**entry, "content_type": "image/png", "metadata": {"x-amz-meta-a": "b"}, "checksums": {}}
    write(bucket / "folder" / "plain.png", b"plain", whole | {"key": "folder/plain.png"})
    write(bucket / "cut.png", b"cut", whole | {"key": "cut.png"})
    versioned_entry = {"version_id": "v2", "versions": versions, "tags": {"v1": {"colour": "red"}}}
    write(bucket / ".ministack-keys" / "a%2F%2Fb", b"newer", whole | versioned_entry | {"key": "a//b"})
    for one in ("null", "v1"):
        write(old / one / ".ministack-keys" / "a%2F%2Fb", f"{one:5}".encode())
    write(
        bucket / "hidden", b"v1...", {"is_delete_marker": True, "versions": [*versions[1:2], marker], "key": "hidden"}
    )
    write(old / "v1" / "hidden", b"v1...")


def write(path: Path, body: bytes, metadata: dict[str, Any] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    if metadata is not None:
        path.with_name(f"{path.name}.meta.json").write_text(json.dumps(metadata))


def test_objects_in_the_files_of_an_older_version_are_taken_over(cloud: OwnCloud) -> None:
    s3 = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))
    cloud.run("down")
    write_files(cloud.state)
    for _ in range(2):
        cloud.run("up")
        plain = s3.get_object(Bucket="photos", Key="folder/plain.png")
        assert (plain["Body"].read(), plain["ContentType"], plain["Metadata"]) == (b"plain", "image/png", {"a": "b"})
        bodies = [
            s3.get_object(Bucket="photos", Key="a//b", VersionId=one)["Body"].read() for one in ("null", "v1", "v2")
        ]
        assert bodies == [b"null ", b"v1   ", b"newer"]
        tags = s3.get_object_tagging(Bucket="photos", Key="a//b", VersionId="v1")["TagSet"]
        assert tags == [{"Key": "colour", "Value": "red"}]
        assert s3.get_object(Bucket="photos", Key="hidden", VersionId="v1")["Body"].read() == b"v1..."
        assert {item["Key"] for item in s3.list_objects_v2(Bucket="photos")["Contents"]} == {
            "folder/plain.png",
            "cut.png",
            "a//b",
        }
        with pytest.raises(ClientError, match=r"InternalError.*its bytes are lost"):
            s3.get_object(Bucket="photos", Key="cut.png")
        assert not (cloud.state / "s3").exists() or not [
            one for one in (cloud.state / "s3").rglob("*") if one.is_file()
        ]
        cloud.run("down")
