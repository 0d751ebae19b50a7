"""Every error that a user can cause is one sentence: what was wrong, with which value, and what to do."""

import errno
import os
import socket
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ConfigParseError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)

from tests.unit.training.fakes import client_error
from training.errors import StackError, TrainingJobError
from training.explanations import REMEDIES, explain, explain_unexpected
from training.programs.builtin import builtin_image

INSTANCE_TYPES = ", ".join(f"ml.m{generation}.{size}xlarge" for generation in range(9) for size in range(30))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/x?y=z"),
            "http://127.0.0.1:4566 does not answer: start the local AWS with `make up`.",
        ),
        (
            ReadTimeoutError(endpoint_url="http://localhost:4566/"),
            "http://localhost:4566 does not answer: start the local AWS with `make up`.",
        ),
        (
            EndpointConnectionError(endpoint_url="https://cloudformation.eu-west-9.amazonaws.com/"),
            "https://cloudformation.eu-west-9.amazonaws.com does not answer: check the network and the region's name.",
        ),
    ],
)
def test_an_endpoint_that_does_not_answer_is_named_with_what_to_do(error: Exception, sentence: str) -> None:
    assert explain(error) == sentence


def test_missing_credentials_say_what_to_run() -> None:
    sentence = str(explain(NoCredentialsError()))
    assert "`aws configure`" in sentence and "`make run`" in sentence


def test_a_port_that_nobody_listens_at_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    config = Config(retries={"total_max_attempts": 1})
    client = boto3.client(
        "sts",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
    with pytest.raises(EndpointConnectionError) as caught:
        client.get_caller_identity()
    assert explain(caught.value) == f"{url} does not answer: start the local AWS with `make up`."


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
def test_expired_credentials_say_how_to_go_on(code: str) -> None:
    sentence = str(explain(client_error(code, "The security token included in the request is expired", "PutObject")))
    assert f"expired ({code})" in sentence and "`aws sso login`" in sentence


def test_credentials_that_are_refused_say_what_to_check() -> None:
    assert "does not accept your credentials (InvalidClientTokenId)" in str(
        explain(client_error("InvalidClientTokenId"))
    )


def test_expired_credentials_are_found_behind_the_error_of_a_step() -> None:
    err = StackError("The stack s cannot be read")
    err.__cause__ = client_error("ExpiredToken")
    assert "`aws sso login`" in str(explain(err))


def test_a_value_outside_of_a_long_list_is_named_without_the_list() -> None:
    message = (
        "1 validation error detected: Value 'ml.m5.2large' at 'resourceConfig.instanceType' failed to satisfy "
        f"constraint: Member must satisfy enum value set: [{INSTANCE_TYPES}]"
    )
    assert explain(client_error("ValidationException", message, "CreateTrainingJob")) == (
        "An error occurred (ValidationException) when calling the CreateTrainingJob operation: 1 validation error "
        "detected: 'ml.m5.2large' at resourceConfig.instanceType is none of the 270 values that AWS knows; did you "
        "mean ml.m5.2xlarge?"
    )


def test_an_endless_value_is_cut() -> None:
    err = client_error("ValidationException", f"Value '{'y' * 3000}' at 'x' must have length less than 2500")
    assert len(str(explain(err))) < 250


@pytest.mark.parametrize(
    ("error", "value", "remedy"),
    [
        (ProfileNotFound(profile="[/]none"), "[/]none", "correct AWS_PROFILE"),
        (ConfigParseError(path="/home/me/.aws/config"), "/home/me/.aws/config", "correct that file"),
        (ParamValidationError(report="Missing a:\nb"), "Missing a: b", "correct the option"),
        (InvalidRegionError(region_name="moon 1"), "moon 1", "set AWS_DEFAULT_REGION"),
        (
            PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            "AWS_SECRET_ACCESS_KEY",
            "set both",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_named_with_what_to_do(error: Exception, value: str, remedy: str) -> None:
    sentence = str(explain(error))
    assert value in sentence and remedy in sentence and "\n" not in sentence


@pytest.mark.parametrize("number", REMEDIES)
def test_an_error_of_the_operating_system_names_the_file_and_what_to_do(number: int) -> None:
    sentence = str(explain(OSError(number, os.strerror(number), "runs/s/metrics.csv")))
    assert sentence == f"runs/s/metrics.csv cannot be read or written ({os.strerror(number)}): {REMEDIES[number]}."


def test_an_error_without_a_file_is_explained_too() -> None:
    assert "No space left on device): free space" in str(explain(OSError(errno.ENOSPC, "No space left on device")))


@pytest.mark.parametrize("error", [ValueError("x"), OSError("no number"), KeyError("x"), RecursionError()])
def test_what_nobody_expected_is_not_explained(error: Exception) -> None:
    assert explain(error) is None


def test_what_nobody_expected_leaves_its_traceback_in_a_file(tmp_path: Path) -> None:
    try:
        raise KeyError("no such \udcff\nsecond line")
    except KeyError as err:
        sentence = explain_unexpected(err, tmp_path / "runs" / "s")
    path = tmp_path / "runs" / "s" / "error.txt"
    assert sentence.startswith("KeyError: ") and str(path) in sentence and "\n" not in sentence
    assert "Traceback (most recent call last)" in path.read_text()


def test_without_a_place_for_the_traceback_the_sentence_says_so(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    assert "could not be written" in explain_unexpected(ValueError("x"), tmp_path / "runs" / "s")


@pytest.mark.parametrize("region", ["moon-1", "ap-southeast-5", ""])
def test_a_region_without_the_algorithm_is_named(region: str) -> None:
    with pytest.raises(TrainingJobError, match=f"has no image in {region}: train with --algorithm own"):
        builtin_image(region)
