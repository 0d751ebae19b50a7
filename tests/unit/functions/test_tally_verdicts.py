import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

Wrap = Callable[[dict[str, Any]], dict[str, Any]]

MANIFEST = "verdicts/b/manifest.json"
EVENT = {"s3_bucket": "photos", "s3_key": MANIFEST}
ACCEPTED = {"s3_key": "a", "version": None, "accepted": True, "class": 0, "confidence": 0.9, "inferences": [0.9, 0.1]}
REFUSED = {**ACCEPTED, "accepted": False}
BROKEN = {"s3_key": "b", "version": None, "error": "InvalidImageError", "cause": "no image"}
PLENTY = 300_000  # milliseconds


class Time:
    """The context of an invocation that has this much time left, and at each later look less."""

    def __init__(self, *left: int) -> None:
        self._left = list(left)

    def get_remaining_time_in_millis(self) -> int:
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


@pytest.fixture
def app(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("tally_verdicts")


@pytest.fixture
def write(bucket: Any) -> Callable[..., None]:
    """Return a function that writes a batch's files, as text by kind, and their manifest."""

    def write_files(**texts: list[str]) -> None:
        files: dict[str, list[dict[str, Any]]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
        for kind, parts in texts.items():
            for number, text in enumerate(parts):
                key = f"verdicts/b/{kind}_{number}.json"
                bucket.put_object(Key=key, Body=text.encode())
                files[kind].append({"Key": key, "Size": len(text.encode())})
        bucket.put_object(Key=MANIFEST, Body=json.dumps({"ResultFiles": files}).encode())

    return write_files


def lines(*entries: Any) -> str:
    return "".join(f"{json.dumps(entry)}\n" for entry in entries)


def child(photos: int, **fields: Any) -> dict[str, Any]:
    """Return what Step Functions writes of a child that did not succeed."""
    return {"Input": json.dumps({"BatchInput": {}, "Items": [{"s3_key": "c"}] * photos}), **fields}


def tally(app: ModuleType, event: dict[str, Any] = EVENT, context: Any = None) -> dict[str, Any]:
    body: dict[str, Any] = app.lambda_handler(event, context or Time(PLENTY))["body"]
    return body


def test_verdicts_are_counted_by_outcome(app: ModuleType, write: Callable[..., None], wrap: Wrap) -> None:
    write(SUCCEEDED=[lines(ACCEPTED, REFUSED, BROKEN), lines(ACCEPTED)])
    assert tally(app, wrap(EVENT)) == {
        "s3_key": MANIFEST,
        "photos": 4,
        "accepted": 2,
        "refused": 1,
        "failed": 1,
        "errors": {"InvalidImageError": 1},
        "file": 2,
        "byte": 0,
        "done": True,
    }


def test_every_photo_of_a_child_that_failed_has_failed(app: ModuleType, write: Callable[..., None]) -> None:
    failed = [child(40, Status="FAILED", Error="States.DataLimitExceeded"), child(3, Status="TIMED_OUT")]
    write(SUCCEEDED=[lines(ACCEPTED)], FAILED=[lines(*failed)], PENDING=[json.dumps([child(2, Status="PENDING")])])
    found = tally(app)
    assert (found["photos"], found["failed"], found["done"]) == (46, 45, True)
    assert found["errors"] == {"States.DataLimitExceeded": 40, "TIMED_OUT": 3, "PENDING": 2}


def test_a_batch_without_photos_is_done(app: ModuleType, write: Callable[..., None]) -> None:
    write(SUCCEEDED=[""])
    assert (tally(app)["photos"], tally(app)["done"]) == (0, True)


def test_without_time_the_next_invocation_goes_on(
    app: ModuleType, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "BETWEEN_LOOKS", 2)
    write(
        SUCCEEDED=[lines(ACCEPTED, REFUSED, BROKEN, ACCEPTED, REFUSED), lines(REFUSED)],
        FAILED=[lines(child(7, Status="FAILED"))],
    )
    found, invocations = tally(app, context=Time(PLENTY, 0)), 1
    assert (found["photos"], found["done"]) == (2, False)
    while not found["done"]:
        found, invocations = tally(app, {"s3_bucket": "photos", **found}, Time(PLENTY, 0)), invocations + 1
    assert invocations > 3
    counts = {name: found[name] for name in ("photos", "accepted", "refused", "failed", "errors")}
    assert counts == {
        "photos": 13,
        "accepted": 2,
        "refused": 3,
        "failed": 8,
        "errors": {"InvalidImageError": 1, "FAILED": 7},
    }


def test_an_invocation_without_time_reads_nothing(app: ModuleType, write: Callable[..., None]) -> None:
    write(SUCCEEDED=[lines(ACCEPTED)])
    assert (tally(app, context=Time(0))["photos"], tally(app, context=Time(0))["done"]) == (0, False)


@pytest.mark.parametrize("line", ["no json", "[]", '{"s3_key": "a"}', "3", '"text"', "{}"])
def test_a_line_that_is_no_verdict_is_an_error(app: ModuleType, write: Callable[..., None], line: str) -> None:
    write(SUCCEEDED=[f"{line}\n"])
    with pytest.raises(app.InvalidVerdictsError, match=r"s3://photos/verdicts/b/SUCCEEDED_0\.json is not what a batch"):
        tally(app)


@pytest.mark.parametrize("line", ['{"Input": "{}", "Status": "FAILED"}', '{"Status": "FAILED"}', "{}", "3"])
def test_a_child_without_photos_is_an_error(app: ModuleType, write: Callable[..., None], line: str) -> None:
    write(FAILED=[f"{line}\n"])
    with pytest.raises(app.InvalidVerdictsError, match="FAILED_0"):
        tally(app)


def test_a_missing_manifest_is_an_error(app: ModuleType, bucket: Any) -> None:
    with pytest.raises(app.InvalidVerdictsError, match=r"manifest\.json is refused by S3"):
        tally(app)


def test_a_manifest_without_files_is_an_error(app: ModuleType, bucket: Any) -> None:
    bucket.put_object(Key=MANIFEST, Body=b"{}")
    with pytest.raises(app.InvalidVerdictsError, match="ResultFiles"):
        tally(app)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDenied", 403, "AccessDeniedError"),
        ("InternalError", 500, "VerdictsUnavailableError"),
        ("SlowDown", 503, "VerdictsUnavailableError"),
    ],
)
def test_an_error_of_s3_has_a_name(app: ModuleType, code: str, status: int, error: str) -> None:
    with Stubber(app.s3) as stub:
        stub.add_client_error("get_object", code, http_status_code=status)
        with pytest.raises(getattr(app, error)):
            tally(app)


def test_a_silent_s3_is_retried(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def get_object(self, **_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="https://s3")

    monkeypatch.setattr(app, "s3", Silent())
    with pytest.raises(app.VerdictsUnavailableError):
        tally(app)


@pytest.mark.parametrize("event", [3, {}, {"s3_bucket": "photos"}, {**EVENT, "errors": 3}, {**EVENT, "byte": "x"}])
def test_a_wrong_event_is_refused(app: ModuleType, event: Any) -> None:
    with pytest.raises(app.InvalidEventError):
        tally(app, event)


def test_long_files_are_read_in_pieces(
    app: ModuleType, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "CHUNK", 64)  # shorter than a line
    write(SUCCEEDED=[lines(*[ACCEPTED] * 20, *[BROKEN] * 5)])
    found = tally(app)
    assert (found["accepted"], found["failed"]) == (20, 5)
