"""The bucket that captures are read from."""

from typing import Any

import boto3
import pytest

from tests.unit.training.captures.records import BUCKET


@pytest.fixture
def s3(mocked_aws: None) -> Any:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    return client
