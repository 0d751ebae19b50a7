"""Behaviour of S3 that the local cloud corrects."""

import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.iam import client_of_role


@pytest.fixture(scope="module")
def bucket(aws: dict[str, str]) -> str:
    name = f"it-{uuid.uuid4().hex[:8]}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


@pytest.mark.correction(name="s3-missing-object")
@pytest.mark.correction(name="s3-missing-head")
@pytest.mark.aws("S3", "a missing object is NoSuchKey with s3:ListBucket and AccessDenied without it", "exact")
@pytest.mark.parametrize("call", ["get_object", "head_object"])
def test_a_missing_object_is_reported_only_to_callers_who_may_list(bucket: str, call: str) -> None:
    read: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    may_list: dict[str, Any] = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    with pytest.raises(ClientError) as forbidden:
        getattr(client_of_role("s3", read), call)(Bucket=bucket, Key="none")
    with pytest.raises(ClientError) as missing:
        getattr(client_of_role("s3", read, may_list), call)(Bucket=bucket, Key="none")
    statuses = [caught.value.response["ResponseMetadata"]["HTTPStatusCode"] for caught in (forbidden, missing)]
    assert statuses == [403, 404]
    if call == "get_object":
        assert "not authorized to perform: s3:ListBucket" in str(forbidden.value)
        assert missing.value.response["Error"]["Code"] == "NoSuchKey"


@pytest.mark.correction(name="s3-managed-key")
@pytest.mark.aws(
    "S3",
    "server-side encryption aws:kms without a key, as the SageMaker SDK 2 sends it: the account's aws/s3 key",
    "approximate",
    "the object is described so; nothing is encrypted",
)
def test_an_object_is_put_with_the_aws_managed_key(bucket: str) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key="managed", Body=b"x", ServerSideEncryption="aws:kms")
    found = s3.head_object(Bucket=bucket, Key="managed")
    assert found["ServerSideEncryption"] == "aws:kms"
    assert found["SSEKMSKeyId"].startswith("arn:aws:kms:us-east-1:") and ":key/" in found["SSEKMSKeyId"]


@pytest.mark.aws("S3", "a bucket's name that cannot be one is InvalidBucketName", "exact")
@pytest.mark.parametrize("name", ["ab", "MyPhotos", "my_photos", "x" * 64, "10.0.0.1"])
def test_a_bucket_has_a_name_that_dns_takes(aws: dict[str, str], name: str) -> None:
    with pytest.raises(ClientError) as refused:
        boto3.client("s3").create_bucket(Bucket=name)
    error: Any = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("InvalidBucketName", 400)
