"""Starting a batch and finding it again."""

import json
from pathlib import Path

import pytest

from tests.unit.training.batch.conftest import MACHINE, BatchMachine
from training.batch import photos, start
from training.context import Context
from training.errors import BatchError

PREFIX = photos.Source("images/", 5, prefix="images/")


def test_a_prefix_is_the_input_beside_the_settings(context: Context, machine: BatchMachine) -> None:
    batch = start.start(context, PREFIX, {"concurrency": 8, "max_failed_share": 0.5})
    (request,) = machine.started.values()
    assert request == {
        "stateMachineArn": MACHINE,
        "name": batch.name,
        "input": {"prefix": "images/", "concurrency": 8, "max_failed_share": 0.5},
    }
    assert (batch.photos, batch.concurrency) == (5, 8)


def test_a_manifest_is_uploaded_under_the_batch_s_name(context: Context, machine: BatchMachine, tmp_path: Path) -> None:
    source = photos.of_photos("list", [photos.Photo("images/a.png"), photos.Photo("images/b.png", "v")])
    batch = start.start(context, source, {})
    (request,) = machine.started.values()
    assert request["input"] == {"manifest": f"manifests/{batch.name}.jsonl"}
    uploaded = context.clients.s3.get_object(Bucket="photos", Key=request["input"]["manifest"])["Body"].read()
    assert [json.loads(line) for line in uploaded.splitlines()] == [
        {"s3_key": "images/a.png"},
        {"s3_key": "images/b.png", "version": "v"},
    ]


def test_batches_of_one_second_have_names_of_their_own(context: Context, machine: BatchMachine) -> None:
    assert start.start(context, PREFIX, {}).name != start.start(context, PREFIX, {}).name


def test_the_last_batch_is_found_without_its_name(context: Context) -> None:
    started = [start.start(context, PREFIX, {"concurrency": 8}) for _ in range(2)]
    assert start.find(context, "last") == max(started, key=lambda batch: batch.name)
    assert start.find(context, started[0].name) == started[0]


def test_a_batch_of_another_machine_is_found_by_its_name(context: Context) -> None:
    found = start.find(context, "elsewhere")
    assert found.execution_arn == "arn:aws:states:us-east-1:1:execution:s-batchClassification:elsewhere"
    assert found.photos == 0


@pytest.mark.parametrize("record", ["", "{}", "[]", '{"execution_arn": "a", "photos": "x", "concurrency": 1}'])
def test_a_damaged_record_is_no_obstacle(context: Context, record: str) -> None:
    batch = start.start(context, PREFIX, {})
    (start.directory_of(context, batch.name) / start.RECORD).write_text(record)
    assert start.find(context, batch.name).execution_arn == batch.execution_arn


def test_without_a_batch_the_name_is_asked_for(context: Context) -> None:
    with pytest.raises(BatchError, match="No batch of s was started on this machine: give its name"):
        start.find(context, "last")
