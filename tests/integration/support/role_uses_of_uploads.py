"""What needs the permissions that uploads and messages add. Each use returns the problem that it met, "" for none.

The function for uploads is invoked with an event of its own, so nothing here depends on the queue's timing.
"""

import hashlib
import json
from typing import Any
from uuid import uuid4

import boto3

from tests.integration.support.photos import png
from tests.integration.support.role_policies import System
from tests.integration.support.role_uses import classify, invoke
from tests.integration.support.stacks import ROOT


def stop_listening(system: System) -> None:
    """Let the queue keep the events of uploads, so that no other invocation classifies them."""
    client = boto3.client("lambda")
    found = client.list_event_source_mappings(FunctionName=system.functions["classifyUploads"])["EventSourceMappings"]
    for mapping in found:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)


def put(system: System, body: bytes) -> tuple[str, str]:
    """Upload a file; returns its key and version."""
    key = f"incoming/{uuid4().hex}"
    return key, boto3.client("s3").put_object(Bucket=system.bucket, Key=key, Body=body)["VersionId"]


# uploadClassification ------------------------------------------------------------------------------------------


def classify_upload(system: System) -> str:
    """Let the workflow of uploads read a photo of no known version."""
    return verdict(system, put(system, png(1))[0], None)


def classify_a_version_of_an_upload(system: System) -> str:
    return verdict(system, *put(system, png(1)))


def verdict(system: System, key: str, version: str | None) -> str:
    photo = {"s3_key": key, "version": version}
    answer = boto3.client("stepfunctions").start_sync_execution(
        stateMachineArn=system.machines["uploadClassification"], input=json.dumps({"Items": [photo], "classes": []})
    )
    if answer["status"] != "SUCCEEDED":
        return f"{answer['error']} {answer['cause']}"
    (found,) = json.loads(answer["output"])
    return f"{found['error']} {found['cause']}" if "error" in found else ""


def classify_a_large_upload(system: System) -> str:
    """Invoke classifyImage for an upload that travels by reference."""
    return classify(system, put(system, png(1))[0])


# classifyUploads -----------------------------------------------------------------------------------------------


def conclude(system: System, versioned: bool = True, has_verdict: bool = False) -> str:
    """Upload a file that is no photo and hand it to the function; the problem is that not all was done.

    Args:
        versioned: The event names the version.
        has_verdict: An earlier invocation ended after it had written the verdict.
    """
    key, version = put(system, b"")
    if has_verdict:
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        name = f"verdicts/uploads/date=2026-11-21/{digest}-{version}.jsonl"
        found = json.dumps({"s3_key": key, "version": version, "error": "InvalidImageError", "cause": "empty"})
        boto3.client("s3").put_object(Bucket=system.bucket, Key=name, Body=found.encode())
    event = {"Records": [record(system, key, version if versioned else None)]}
    answer, problem = invoke(system, "classifyUploads", event)
    return problem or ("" if answer == {"batchItemFailures": []} else "comes again")


def record(system: System, key: str, version: str | None) -> dict[str, Any]:
    photo = {"key": key, "etag": "e", "sequencer": "0", **({"version-id": version} if version else {})}
    detail = {"bucket": {"name": system.bucket}, "object": photo}
    body = json.dumps({"time": "2026-11-21T00:00:00Z", "detail": detail})
    return {"messageId": "m", "receiptHandle": "r", "attributes": {"ApproximateReceiveCount": "1"}, "body": body}


def conclude_without_a_version(system: System) -> str:
    return conclude(system, versioned=False)


def conclude_again(system: System) -> str:
    return conclude(system, has_verdict=True)


# tellFailure ---------------------------------------------------------------------------------------------------


def tell_failure(system: System) -> str:
    return invoke(system, "tellFailure", json.loads((ROOT / "events/tell_failure.json").read_text()))[1]
