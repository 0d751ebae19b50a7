from typing import Any

import pytest

from localcloud.corrections.s3_requests import is_plain


def scope(method: str, path: str, query: bytes = b"", *headers: bytes) -> dict[str, Any]:
    return {"method": method, "path": path, "query_string": query, "headers": [(name, b"x") for name in headers]}


@pytest.mark.parametrize("method", ["PUT", "GET"])
@pytest.mark.parametrize("path", ["/bucket/key", "/bucket/folder/key", "/bucket//"])
def test_putting_and_getting_an_object_is_plain(method: str, path: str) -> None:
    assert is_plain(scope(method, path, b"", b"host", b"x-amz-meta-colour"))


@pytest.mark.parametrize(
    "other",
    [
        scope("HEAD", "/bucket/key"),
        scope("DELETE", "/bucket/key"),
        scope("POST", "/bucket/key"),
        scope("PUT", "/bucket"),
        scope("PUT", "/bucket/"),
        scope("GET", "/"),
        scope("GET", "/bucket/key", b"versionId=v"),
        scope("PUT", "/bucket/key", b"tagging"),
        scope("PUT", "/bucket/key", b"", b"x-amz-copy-source"),
        scope("PUT", "/bucket/key", b"", b"x-amz-decoded-content-length"),
        scope("PUT", "/bucket/key", b"", b"content-encoding"),
        scope("GET", "/bucket/key", b"", b"host", b"origin"),
    ],
)
def test_everything_else_is_not(other: dict[str, Any]) -> None:
    assert not is_plain(other)
