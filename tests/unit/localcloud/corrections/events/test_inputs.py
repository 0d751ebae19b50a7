"""What of an event is at a path."""

from typing import Any

import pytest

from localcloud.corrections.events.inputs import NoMatchError, at_path

EVENT = {"detail": {"object": {"key": "k", "version-id": "v"}, "list": [1, {"a": 2}]}, "detail-type": "t"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", EVENT),
        ("$.detail-type", "t"),
        ("$.detail.object.version-id", "v"),
        ("$.detail['object'].key", "k"),
        ("$.detail.list[1].a", 2),
    ],
)
def test_a_path_leads_to_a_part(path: str, found: Any) -> None:
    assert at_path(EVENT, path) == found


@pytest.mark.parametrize("path", ["$.none", "$.detail.list[2]", "$.detail.list.a", "$.detail-type.x", "$.detail..a"])
def test_a_path_may_lead_nowhere(path: str) -> None:
    with pytest.raises(NoMatchError):
        at_path(EVENT, path)
