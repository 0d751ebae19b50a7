import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import jsonschema  # type: ignore[import-untyped]  # of cfn-lint
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from training.traffic.uploads import verdict_name

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "events/schemas/photo_classified.json").read_text())
GOOD = {"accepted": True, "class": "bicycle", "confidence": 0.97, "inferences": [0.97, 0.03]}
UNSURE = {"accepted": False, "class": 1, "confidence": 0.6, "inferences": [0.4, 0.6]}


class Aws:
    """Step Functions, EventBridge and SQS, as far as the function calls them."""

    def __init__(self) -> None:
        self.outcomes: dict[str, dict[str, Any]] = {}  # by key of the photo; all others are GOOD
        self.status = "SUCCEEDED"
        self.refusals = 0  # of PutEvents, that come first
        self.executions: list[list[str]] = []
        self.events: list[dict[str, Any]] = []
        self.pauses: dict[str, int] = {}

    def start_sync_execution(self, *, input: str, **_: Any) -> dict[str, Any]:
        items = json.loads(input)["Items"]
        self.executions.append([item["s3_key"] for item in items])
        found = [{**item, **self.outcomes.get(item["s3_key"], GOOD)} for item in items]
        more = {"output": json.dumps(found)} if self.status == "SUCCEEDED" else {"error": "States.Timeout"}
        return {"status": self.status, **more}

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        answers = []
        for entry in Entries:
            refused = self.refusals > 0
            self.refusals -= 1
            answers.append({"ErrorCode": "InternalFailure"} if refused else {"EventId": "1"})
            if not refused:
                self.events.append(entry)
        return {"Entries": answers}

    def change_message_visibility(self, *, ReceiptHandle: str, VisibilityTimeout: int, **_: Any) -> None:
        self.pauses[ReceiptHandle] = VisibilityTimeout


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def app(load: Callable[[str], ModuleType], bucket: Any, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load("classify_uploads")
    for name in ("states", "events", "sqs"):
        monkeypatch.setattr(module, name, aws)
    for name, value in {"STATE_MACHINE_ARN": "m", "QUEUE_URL": "q", "CLASSES": "bicycle,motorcycle"}.items():
        monkeypatch.setenv(name, value)
    return module


Record = dict[str, Any]


@pytest.fixture
def upload(bucket: Any) -> Callable[..., Record]:
    """Return a function that uploads a photo and returns the message about it."""

    def put(key: str = "incoming/a.png", receives: int = 1, **tags: str) -> Record:
        tagging = "&".join(f"{name}={value}" for name, value in tags.items())
        version = bucket.put_object(Key=key, Body=b"photo", Tagging=tagging).version_id
        found = {"key": key, "size": 5, "etag": "e1", "version-id": version, "sequencer": "01"}
        return message(found, receives)

    return put


def message(found: dict[str, Any], receives: int = 1) -> Record:
    event = {"time": "2026-11-21T23:59:59Z", "detail": {"bucket": {"name": "photos"}, "object": found}}
    identifier = f"{found['key']}#{found.get('version-id')}"
    attributes = {"ApproximateReceiveCount": str(receives)}
    return {"messageId": identifier, "receiptHandle": identifier, "body": json.dumps(event), "attributes": attributes}


def run(app: ModuleType, *records: Record) -> list[str]:
    """Return the messages that come again."""
    answer = app.lambda_handler({"Records": list(records)}, None)
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def verdicts(bucket: Any) -> dict[str, dict[str, Any]]:
    return {one.key: json.load(one.get()["Body"]) for one in bucket.objects.filter(Prefix="verdicts/")}


def tags_of(record: Record) -> dict[str, str]:
    key, version = record["messageId"].split("#")
    tags = boto3.client("s3").get_object_tagging(Bucket="photos", Key=key, VersionId=version)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in tags}


def test_traffic_looks_for_verdicts_under_the_names_that_they_have(app: ModuleType) -> None:
    key = "incoming/\u00e4.png"
    upload = app.Upload("b", key, "v", "e", "2026-01-02T03:04:05Z", "0")
    assert upload.verdict_key == f"verdicts/uploads/date=2026-01-02/{verdict_name(key, 'v')}"


def test_a_photo_gets_a_verdict_an_event_and_a_tag(
    app: ModuleType, aws: Aws, bucket: Any, upload: Callable[..., Record]
) -> None:
    record = upload(owner="me")
    assert run(app, record) == []
    ((key, verdict),) = verdicts(bucket).items()
    version = record["messageId"].split("#")[1]
    assert key.startswith("verdicts/uploads/date=2026-11-21/") and key.endswith(f"-{version}.jsonl")
    assert verdict == {
        "s3_key": "incoming/a.png",
        "version": version,
        **GOOD,
        "s3_bucket": "photos",
        "uploaded": "2026-11-21T23:59:59Z",
        "sequencer": "01",
    }
    (event,) = aws.events
    assert json.loads(event["Detail"]) == {**verdict, "verdict": "accepted", "verdict_key": key}
    assert tags_of(record) == {"owner": "me", "verdict": "accepted"}


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (GOOD, "accepted"),
        (UNSURE, "refused"),
        *(({"error": f"Image{what}Error", "cause": "why"}, "failed") for what in ("NotFound", "TooLarge")),
        *(({"error": f"Invalid{what}Error", "cause": "why"}, "failed") for what in ("Event", "Image")),
    ],
)
def test_each_outcome_is_told_as_the_schema_says(
    app: ModuleType, aws: Aws, upload: Callable[..., Record], outcome: dict[str, Any], word: str
) -> None:
    aws.outcomes["incoming/a.png"] = outcome
    record = upload()
    assert run(app, record) == []
    (event,) = aws.events
    told = {"source": event["Source"], "detail-type": event["DetailType"], "detail": json.loads(event["Detail"])}
    jsonschema.validate(told, SCHEMA)
    assert told["detail"]["verdict"] == tags_of(record)["verdict"] == word


@pytest.mark.parametrize("member", ["verdict", "version", "verdict_key", "s3_bucket"])
def test_the_schema_refuses_an_event_without(member: str) -> None:
    detail: dict[str, Any] = {
        "s3_bucket": "photos",
        "s3_key": "incoming/a",
        "version": "v",
        "uploaded": "t",
        "sequencer": "",
    }
    detail |= {"verdict": "accepted", "verdict_key": f"verdicts/uploads/date=2026-11-21/{'0' * 32}-v.jsonl", **GOOD}
    event = {"source": "scones", "detail-type": "Photo classified", "detail": detail}
    jsonschema.validate(event, SCHEMA)
    del detail[member]
    with pytest.raises(jsonschema.ValidationError, match=member):
        jsonschema.validate(event, SCHEMA)


ANOTHER_CAUSE = ["EndpointUnavailableError", "EndpointNotFoundError", "AccessDeniedError", "Sandbox.Timedout"]


@pytest.mark.parametrize("error", ANOTHER_CAUSE)
def test_an_error_that_does_not_lie_in_the_photo_leaves_it_to_the_queue(
    app: ModuleType, aws: Aws, bucket: Any, upload: Callable[..., Record], error: str
) -> None:
    aws.outcomes["incoming/b.png"] = {"error": error, "cause": "why"}
    good, bad = upload(), upload("incoming/b.png", receives=3)
    assert run(app, good, bad) == [bad["messageId"]]
    assert [one["s3_key"] for one in verdicts(bucket).values()] == ["incoming/a.png"]
    assert aws.pauses == {bad["receiptHandle"]: 60}
    assert tags_of(bad) == {}


def test_the_pause_ends_at_a_quarter_of_an_hour(app: ModuleType, aws: Aws, upload: Callable[..., Record]) -> None:
    aws.status = "TIMED_OUT"
    record = upload(receives=9)
    assert run(app, record) == [record["messageId"]]
    assert list(aws.pauses.values()) == [900]


def test_an_event_that_comes_twice_gives_one_verdict(
    app: ModuleType, aws: Aws, bucket: Any, upload: Callable[..., Record]
) -> None:
    record = upload()
    assert run(app, record, {**record, "messageId": "copy"}) == []
    assert run(app, record) == []
    assert (len(aws.executions), len(aws.events), len(verdicts(bucket))) == (1, 1, 1)


def test_each_version_gets_its_own_verdict_in_whatever_order(
    app: ModuleType, bucket: Any, upload: Callable[..., Record]
) -> None:
    first, second = upload(), upload()
    assert run(app, second) == run(app, first) == []
    assert {one["version"] for one in verdicts(bucket).values()} == {
        record["messageId"].split("#")[1] for record in (first, second)
    }
    assert tags_of(first) == tags_of(second) == {"verdict": "accepted"}


def test_of_two_invocations_at_once_the_first_verdict_stays(
    app: ModuleType, aws: Aws, bucket: Any, upload: Callable[..., Record]
) -> None:
    """The photo is not tagged yet, so the second one classifies it too, with another outcome."""
    record = upload()
    app.store(app.read_upload(record["body"]), {"s3_key": "incoming/a.png", "version": "", **UNSURE})
    assert run(app, record) == []
    assert len(aws.executions) == 1
    ((_, verdict),) = verdicts(bucket).items()
    assert verdict["accepted"] is False
    assert json.loads(aws.events[0]["Detail"])["verdict"] == tags_of(record)["verdict"] == "refused"


@pytest.mark.parametrize("step", ["start_sync_execution", "store", "announce", "tag"])
def test_whatever_step_an_invocation_ends_at_repetition_completes(
    app: ModuleType, aws: Aws, bucket: Any, upload: Callable[..., Record], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    record = upload()
    with monkeypatch.context() as patch:
        patch.setattr(aws if hasattr(aws, step) else app, step, end)
        with pytest.raises(MemoryError):
            run(app, record)
    assert run(app, record) == []
    assert len(verdicts(bucket)) == 1
    assert tags_of(record) == {"verdict": "accepted"}
    assert len({event["Detail"] for event in aws.events}) == 1
    assert len(aws.events) == (2 if step == "tag" else 1)  # at least once


def end(*_: Any, **__: Any) -> None:
    raise MemoryError


def test_an_event_that_is_not_sent_is_sent_later(
    app: ModuleType, aws: Aws, bucket: Any, upload: Callable[..., Record]
) -> None:
    aws.refusals = 1
    first, second = upload(), upload("incoming/b.png")
    assert run(app, first, second) == [first["messageId"]]
    assert (tags_of(first), tags_of(second)) == ({}, {"verdict": "accepted"})
    assert run(app, first) == []
    assert (len(aws.events), len(verdicts(bucket))) == (2, 2)


def test_a_tag_of_the_uploader_s_own_keeps_no_photo_from_its_verdict(
    app: ModuleType, bucket: Any, aws: Aws, upload: Callable[..., Record]
) -> None:
    aws.outcomes["incoming/a.png"] = UNSURE
    record = upload(verdict="accepted")
    assert run(app, record) == []
    assert tags_of(record) == {"verdict": "refused"}
    assert len(verdicts(bucket)) == 1


def test_a_photo_with_ten_tags_keeps_them(app: ModuleType, bucket: Any, upload: Callable[..., Record]) -> None:
    own = {f"t{number}": "x" for number in range(10)}
    record = upload(**own)
    assert run(app, record) == []
    assert tags_of(record) == own
    assert len(verdicts(bucket)) == 1


def test_a_photo_that_has_been_deleted_gets_a_verdict_by_name(
    app: ModuleType, aws: Aws, bucket: Any, upload: Callable[..., Record]
) -> None:
    record = upload()
    bucket.object_versions.delete()
    aws.outcomes["incoming/a.png"] = {"error": "ImageNotFoundError", "cause": "gone"}
    assert run(app, record) == []
    assert [one["error"] for one in verdicts(bucket).values()] == ["ImageNotFoundError"]


@pytest.mark.parametrize("version", [{}, {"version-id": "null"}])
def test_without_versions_the_etag_is_the_version(
    app: ModuleType, aws: Aws, bucket: Any, upload: Callable[..., Record], version: dict[str, str]
) -> None:
    upload()
    found = {"key": "incoming/a.png", "etag": "e1", "sequencer": "01", **version}
    assert run(app, message(found)) == []
    ((key, verdict),) = verdicts(bucket).items()
    assert verdict["version"] == "e1" and key.endswith("-e1.jsonl")
    (tags,) = boto3.client("s3").get_object_tagging(Bucket="photos", Key="incoming/a.png")["TagSet"]
    assert tags == {"Key": "verdict", "Value": "accepted"}


@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", "{}", '{"detail": {"object": {}}}', '{"detail": {"object": "x"}}', "[" * 99999),
        '{"time": "t", "detail": {"bucket": {"name": "b"}, "object": {"key": "\\ud800", "etag": "e"}}}',
        '{"time": "t", "detail": {"bucket": {"name": 7}, "object": {"key": "k", "etag": "e"}}}',
    ],
)
def test_a_message_that_is_no_upload_becomes_a_dead_letter(
    app: ModuleType, aws: Aws, upload: Callable[..., Record], body: str
) -> None:
    record = upload()
    assert run(app, {**record, "messageId": "odd", "body": body}, record) == ["odd"]
    assert len(aws.events) == 1


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://states"),
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "StartSyncExecution"),
    ],
)
@pytest.mark.parametrize("operation", ["start_sync_execution", "put_events"])
def test_a_service_that_does_not_answer_now_leaves_the_batch_to_the_queue(
    app: ModuleType,
    aws: Aws,
    upload: Callable[..., Record],
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    error: Exception,
) -> None:
    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr(aws, operation, fail)
    record = upload()
    assert run(app, record) == [record["messageId"]]
    assert tags_of(record) == {}


@pytest.mark.parametrize("operation", ["get_object_tagging", "put_object", "put_object_tagging"])
def test_an_error_of_s3_leaves_one_photo_to_the_queue(
    app: ModuleType, upload: Callable[..., Record], monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    original = getattr(app.s3, operation)
    records = [upload(), upload("incoming/b.png")]
    broken = app.read_upload(records[1]["body"])

    def answer(**request: Any) -> Any:
        if request["Key"] in (broken.key, broken.verdict_key):
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "slow"}}, operation)
        return original(**request)

    monkeypatch.setattr(app.s3, operation, answer)
    assert run(app, *records) == [records[1]["messageId"]]
    monkeypatch.undo()


def test_the_event_of_the_repository_is_read(app: ModuleType) -> None:
    (record,) = json.loads((ROOT / "events/classify_uploads.json").read_text())["Records"]
    assert app.read_upload(record["body"]).key == "incoming/photo.png"
