"""Distributed Map states, the runs of them, and what these have written."""

from typing import Any

from localcloud.step_functions.execution import Execution
from localcloud.step_functions.maps import registry
from localcloud.step_functions.maps.map_run import MapRun
from tests.unit.localcloud.step_functions.maps.buckets import Bucket
from tests.unit.localcloud.step_functions.runs import FunctionError, machine

WRITER = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "results", "Prefix": "out"}}
LISTING = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "photos", "Prefix": "p/"}}


def distributed(*states: dict[str, Any], kind: str = "STANDARD", **more: Any) -> dict[str, Any]:
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    return {"Type": "Map", "ItemProcessor": {**machine(*states), **config}, **more}


def map_run(found: Execution) -> MapRun:
    return registry.runs_of(found.arn)[0]


def fails_at(*failing: int) -> Any:
    def function(event: Any) -> Any:
        numbers = event["Items"] if isinstance(event, dict) else [event]
        if set(numbers) & set(failing):
            raise FunctionError("Boom", "boom")
        return event

    return function


def written(bucket: Bucket, found: Execution) -> dict[str, list[Any]]:
    """Return the entries of all result files by kind."""
    key = f"out/{map_run(found).id}/manifest.json"
    manifest = bucket.json(key)
    assert (manifest["DestinationBucket"], manifest["MapRunArn"]) == ("results", map_run(found).arn)
    entries: dict[str, list[Any]] = {}
    for kind, files in manifest["ResultFiles"].items():
        for number, file in enumerate(files):
            assert file["Key"] == f"out/{map_run(found).id}/{kind}_{number}.json"
            assert file["Size"] == len(bucket.objects[file["Key"]])
        entries[kind] = [entry for file in files for entry in bucket.json(file["Key"])]
    return entries
