from pathlib import Path

import pytest

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
