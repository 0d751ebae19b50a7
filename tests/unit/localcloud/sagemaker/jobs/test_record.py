from pathlib import Path

import pytest

from localcloud.sagemaker.jobs.record import JobRecord
from localcloud.sagemaker.processing.record import ProcessingRecord
from localcloud.sagemaker.store import Store
from localcloud.sagemaker.training.record import TrainingRecord


@pytest.fixture(params=[TrainingRecord, ProcessingRecord])
def record(request: pytest.FixtureRequest, tmp_path: Path) -> JobRecord:
    """Return the record of a job that is in progress."""
    record: JobRecord = request.param(Store(tmp_path / "resources.json"), "arn:aws:sagemaker:us-east-1:0:job/j")
    job = {record.kind.status: "InProgress", "SecondaryStatusTransitions": []}
    record._store.add(record.kind, record.arn, job, [])
    return record


def test_a_job_in_progress_can_be_stopped(record: JobRecord) -> None:
    record.request_stop()
    assert record.status == "Stopping"


def test_a_job_that_has_ended_cannot_be_stopped(record: JobRecord) -> None:
    record.fail("ClientError: no image")
    record.request_stop()
    assert (record.status, record.job["FailureReason"]) == ("Failed", "ClientError: no image")


def test_a_long_reason_is_cut(record: JobRecord) -> None:
    record.fail("x" * 2000)
    assert len(record.job["FailureReason"]) == 1024


def test_the_end_of_a_job_has_a_time(record: JobRecord) -> None:
    record.fail("ClientError: no image")
    assert record.job[f"{record.kind.prefix.removesuffix('Job')}EndTime"] == record.job["LastModifiedTime"]
