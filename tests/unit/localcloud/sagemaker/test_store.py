import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker import store as sagemaker_store
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.listing import list_resources, page
from localcloud.sagemaker.store import ENDPOINT, MODEL, Resource, Store, arn_of

ARN = "arn:aws:sagemaker:us-east-1:000000000000:model/m"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sagemaker" / "resources.json"


def test_resources_and_tags_outlive_the_process(path: Path) -> None:
    assert Store(path).add(MODEL, ARN, {"ModelName": "m"}, [{"Key": "k", "Value": "v"}])
    again = Store(path)
    assert again.get(MODEL, ARN) == {"ModelName": "m"}
    assert again.tags(ARN) == {"k": "v"}


def test_a_name_is_taken_once(path: Path) -> None:
    store = Store(path)
    assert store.add(MODEL, ARN, {"ModelName": "m"}, [])
    assert not store.add(MODEL, ARN, {"ModelName": "another"}, [{"Key": "k", "Value": "v"}])
    assert store.get(MODEL, ARN) == {"ModelName": "m"}
    assert store.tags(ARN) == {}


def test_an_update_leaves_what_was_read_before_alone(path: Path) -> None:
    store = Store(path)
    store.put(MODEL, ARN, {"Status": "Failed", "FailureReason": "because"})
    before = store.get(MODEL, ARN)
    store.update(MODEL, ARN, Status="InService", FailureReason=None)
    after = store.get(MODEL, ARN)
    assert before == {"Status": "Failed", "FailureReason": "because"}
    assert after is not None
    assert {name: value for name, value in after.items() if name != "LastModifiedTime"} == {"Status": "InService"}


def test_what_is_gone_is_not_updated(path: Path) -> None:
    store = Store(path)
    store.delete(MODEL, ARN)
    store.update(MODEL, ARN, Status="InService")
    assert store.get(MODEL, ARN) is None


def test_tags_go_with_their_resource(path: Path) -> None:
    store = Store(path)
    store.add(MODEL, ARN, {}, [{"Key": "k", "Value": "v"}])
    store.delete(MODEL, ARN)
    assert Store(path).tags(ARN) == {}
    assert not store.exists(ARN)


def test_only_the_caller_s_account_is_in_scope(path: Path) -> None:
    store = Store(path)
    store.put(MODEL, arn_of(MODEL, "Mine"), {"ModelName": "Mine"})
    store.put(MODEL, ARN.replace("000000000000", "999999999999"), {"ModelName": "theirs"})
    assert store.in_scope(MODEL) == [{"ModelName": "Mine"}]
    assert arn_of(ENDPOINT, "Mine").endswith(":endpoint/mine")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list; while something is in it, the disk is full."""
    full: list[str] = []

    def fsync(_: int) -> None:
        if full:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(sagemaker_store, "RETRY_SECONDS", 0.05)
    return full


CHANGES: list[Callable[[Store], Any]] = [
    lambda store: store.add(MODEL, f"{ARN}2", {"ModelName": "m2"}, [{"Key": "k", "Value": "v"}]),
    lambda store: store.put(MODEL, ARN, {"ModelName": "other"}),
    lambda store: store.update(MODEL, ARN, Status="InService"),
    lambda store: store.delete(MODEL, ARN),
    lambda store: store.put_tags(ARN, {"k": "v"}),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_cannot_be_saved_is_refused_and_does_not_happen(
    path: Path, disk: list[str], change: Callable[[Store], Any]
) -> None:
    store = Store(path)
    store.add(MODEL, ARN, {"ModelName": "m"}, [])
    disk.append("full")
    with pytest.raises(ServiceError, match=r"cannot save SageMaker's resources: .*No space left") as refused:
        change(store)
    assert (refused.value.code, refused.value.status) == ("ServiceUnavailable", 503)
    for seen in (store, Store(path)):
        assert seen.all(MODEL) == {ARN: {"ModelName": "m"}}
        assert seen.tags(ARN) == {}
    disk.clear()
    change(store)


def test_what_has_happened_is_saved_when_the_disk_takes_it(
    path: Path, disk: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(path)
    store.add(MODEL, ARN, {"Status": "Creating"}, [])
    disk.append("full")
    store.report(MODEL, ARN, Status="InService")
    store.report(MODEL, ARN, Status="Failed")
    assert (store.get(MODEL, ARN) or {})["Status"] == "Failed"
    assert (Store(path).get(MODEL, ARN) or {})["Status"] == "Creating"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    disk.clear()
    deadline = time.monotonic() + 5
    while (Store(path).get(MODEL, ARN) or {})["Status"] != "Failed":
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    "content", [b"", b'{"model": {', b"[]", b'{"model": 3}', b'{"model": {"m": 3}}', b"\xff\x00", b"[" * 100_000]
)
def test_a_damaged_file_is_set_aside_and_the_rest_starts(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    store = Store(path)
    assert store.add(MODEL, ARN, {"ModelName": "m"}, [])
    assert json.loads(path.read_text())["model"] == {ARN: {"ModelName": "m"}}
    (aside,) = path.parent.glob("resources.json.damaged-*")
    assert aside.read_bytes() == content
    assert f"{path} is damaged: " in caplog.text
    assert aside.name in caplog.text


def models() -> list[Resource]:
    names = {"b": 2.0, "A": 1.0, "c": 3.0}
    return [{"ModelName": name, "ModelArn": f"arn/{name}", "CreationTime": time} for name, time in names.items()]


def names(**params: object) -> list[str]:
    return [one["ModelName"] for one in list_resources(models(), params, "Model", "Models")["Models"]]


def test_the_newest_come_first() -> None:
    assert names() == ["c", "b", "A"]
    assert names(SortOrder="Ascending") == ["A", "b", "c"]
    assert names(SortBy="Name", SortOrder="Ascending") == ["A", "b", "c"]


def test_filters_leave_out() -> None:
    assert names(NameContains="a") == ["A"]
    assert names(CreationTimeAfter=1.0) == ["c", "b"]
    assert names(CreationTimeBefore=3.0) == ["b", "A"]


def test_pages_follow_their_tokens() -> None:
    found, token = [], None
    while True:
        reply = page(list(range(5)), {"MaxResults": 2, "NextToken": token}, "Items")
        found.append(reply["Items"])
        if (token := reply.get("NextToken")) is None:
            break
    assert found == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("token", ["!", "YWJj"])
def test_a_token_of_one_s_own_making_is_refused(token: str) -> None:
    with pytest.raises(ServiceError, match="Invalid pagination token"):
        page([], {"NextToken": token}, "Items")
