"""Scope: where a model's profile comes from; `statistics/test_profile.py` has what it holds."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.archives import archive_of
from tests.unit.training.fakes import MODEL, client_error, make_context
from tests.unit.training.statistics.test_profile import content
from training import profiles
from training.statistics.profile import ProfileError, parse

KEY = "models/s-job/model.tar.gz"


@pytest.fixture
def s3(mocked_aws: None) -> Any:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="photos")
    return client


def put(s3: Any, body: bytes) -> None:
    s3.put_object(Bucket="photos", Key=KEY, Body=body)


@pytest.mark.parametrize("prefix", ["", "./"])
def test_a_profile_is_read_from_the_bucket_once(s3: Any, tmp_path: Path, prefix: str) -> None:
    put(s3, archive_of({f"{prefix}model.onnx": b"graph", f"{prefix}profile.json": content(), "later": b""}))
    context = make_context(tmp_path, s3=s3)
    found = profiles.read_profile(context, MODEL)
    assert found is not None and found.digest == parse(content()).digest
    s3.delete_object(Bucket="photos", Key=KEY)
    again = profiles.read_profile(context, MODEL)
    assert again is not None and again.digest == found.digest
    assert (tmp_path / "profiles" / "s-job.json").read_bytes() == content()


def test_another_model_has_another_profile(s3: Any, tmp_path: Path) -> None:
    put(s3, archive_of({"profile.json": content()}))
    profiles.read_profile(make_context(tmp_path, s3=s3), MODEL)
    put(s3, archive_of({"profile.json": content(photos=99)}))
    found = profiles.read_profile(make_context(tmp_path, s3=s3), replace(MODEL, training_job_name="s-job-2"))
    assert found is not None and found.photos == 99


def test_an_archive_without_a_profile_and_a_missing_archive_have_none(s3: Any, tmp_path: Path) -> None:
    assert profiles.read_profile(make_context(tmp_path, s3=s3), MODEL) is None
    put(s3, archive_of({"model.onnx": b"graph", "code/profile.json": content()}))
    assert profiles.read_profile(make_context(tmp_path, s3=s3), MODEL) is None


def test_the_archive_of_aws_s_algorithm_is_not_read(tmp_path: Path) -> None:
    context = make_context(tmp_path)  # no client
    assert profiles.read_profile(context, replace(MODEL, program="builtin")) is None


@pytest.mark.parametrize(
    "body",
    [b"", b"no archive", archive_of({"profile.json": content()})[:200], archive_of({"profile.json": b"{}"})],
    ids=["empty", "foreign", "cut off", "damaged profile"],
)
def test_a_damaged_archive_is_one_sentence_and_not_kept(s3: Any, tmp_path: Path, body: bytes) -> None:
    put(s3, body)
    with pytest.raises(ProfileError, match="damaged"):
        profiles.read_profile(make_context(tmp_path, s3=s3), MODEL)
    assert not (tmp_path / "profiles").exists()


def test_a_reader_without_the_right_is_told(tmp_path: Path) -> None:
    class S3:
        def get_object(self, **_: str) -> None:
            raise client_error("AccessDenied", "no", "GetObject", 403)

    with pytest.raises(ProfileError, match="you may not read it: take the rights of permissions"):
        profiles.read_profile(make_context(tmp_path, s3=S3()), MODEL)


def test_a_huge_profile_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "MOST_BYTES", 100)
    with pytest.raises(ProfileError, match=r"profile.json has \d+ bytes, and at most 100 are read"):
        profiles.member(io.BytesIO(archive_of({"profile.json": content()})), "profile.json")


def test_an_archive_of_very_many_files_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "MOST_MEMBERS", 3)
    with pytest.raises(ProfileError, match="more than 3 files"):
        profiles.member(io.BytesIO(archive_of({str(number): b"" for number in range(5)})), "profile.json")
