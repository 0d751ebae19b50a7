"""The template's parameters take what AWS takes, and say why they refuse the rest."""

import re
import tomllib
from pathlib import Path
from typing import Any

import boto3
import pytest
from samtranslator.yaml_helper import yaml_parse

from training import config
from training.provenance import LONGEST_NAME

ROOT = Path(__file__).parents[2]
ACCOUNT = "123456789012"
BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")  # S3's naming rules, less the dots


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
    return parsed


def takes(parameter: dict[str, Any], value: str) -> bool:
    """Tell whether CloudFormation takes a value: a pattern must match all of it."""
    if not re.fullmatch(parameter.get("AllowedPattern", ".*"), value) or len(value) > parameter.get("MaxLength", 4096):
        return False
    if parameter["Type"] == "Number":
        return bool(parameter.get("MinValue", value) <= float(value) <= parameter.get("MaxValue", float(value)))
    return True


def longest_region() -> str:
    session = boto3.Session()
    regions = [one for part in session.get_available_partitions() for one in session.get_available_regions("s3", part)]
    return max(regions, key=len)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("EndpointName", ["a", "x" * 47, "scones-unlimited", "4-2"]),
        ("ConfidenceThreshold", ["0", "0.5", "1"]),
        ("CaptureRetentionDays", ["1", "3653"]),
        ("ReservedConcurrency", ["0", "300"]),
        ("BucketName", ["", "abc", "x" * 63, "my-photos-1"]),
        (
            "KmsKeyArn",
            [
                "",
                "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000",
                "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd",
                "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd",
            ],
        ),
        ("AccessLogBucket", ["", "my.logs", "abc"]),
    ],
)
def test_a_parameter_takes(parameters: dict[str, Any], name: str, values: list[str]) -> None:
    assert [value for value in values if not takes(parameters[name], value)] == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("EndpointName", ["", "x" * 48, "Capital", "-a", "a-", "a--b", "a_b", "a b"]),
        ("ConfidenceThreshold", ["-0.1", "1.1"]),
        ("CaptureRetentionDays", ["0", "3654"]),
        ("ReservedConcurrency", ["-1"]),
        ("BucketName", ["ab", "x" * 64, "Photos", "my_photos", "-photos", "photos-"]),
        ("KmsKeyArn", ["alias/key", "arn:aws:kms:us-east-1:123456789012:alias/key", "1234abcd"]),
        ("AccessLogBucket", ["Logs", "s3://logs", "x" * 64]),
    ],
)
def test_a_parameter_refuses(parameters: dict[str, Any], name: str, values: list[str]) -> None:
    assert [value for value in values if takes(parameters[name], value)] == []


def test_every_limit_is_explained(parameters: dict[str, Any]) -> None:
    limits = {"AllowedPattern", "AllowedValues", "MinValue", "MaxValue", "MinLength", "MaxLength"}
    for name, parameter in parameters.items():
        assert "Description" in parameter, name
        assert "ConstraintDescription" in parameter or not limits & set(parameter), name


def test_the_endpoint_s_name_leaves_room_for_those_of_its_configurations(parameters: dict[str, Any]) -> None:
    assert parameters["EndpointName"]["MaxLength"] == LONGEST_NAME


def test_the_bucket_s_name_fits_for_stack_names_as_long_as_the_parameter_says(parameters: dict[str, Any]) -> None:
    said = {int(found) for text in parameters["BucketName"].values() for found in re.findall(r"(\d\d) ", str(text))}
    most = 63 - len(f"-{ACCOUNT}-{longest_region()}")
    assert most in said
    assert BUCKET.fullmatch(f"{'x' * most}-{ACCOUNT}-{longest_region()}")


def test_the_default_stack_s_bucket_has_a_name_that_s3_takes_in_every_region() -> None:
    samconfig = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for name in (samconfig["default"]["global"]["parameters"]["stack_name"], config.DEFAULT_STACK_NAME):
        assert BUCKET.fullmatch(f"{name}-{ACCOUNT}-{longest_region()}")
