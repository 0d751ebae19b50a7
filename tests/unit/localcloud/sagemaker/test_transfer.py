import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker.transfer import TransferError, download_model, download_prefix


class Bucket:
    """Stands for an S3 client and a bucket with these objects."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, Prefix: str, **_: str) -> list[dict[str, Any]]:  # AWS's names
        return [{"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}]

    def get_object(self, Key: str, **_: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Key])}


def download(directory: Path, *keys: str, uri: str = "s3://bucket/images/") -> list[str]:
    """Download objects with these keys; returns the files below the directory."""
    download_prefix(Bucket({key: key.encode() for key in keys}), uri, directory)
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_keys_keep_their_path_below_the_prefix(tmp_path: Path) -> None:
    assert download(tmp_path, "images/a.png", "images/b/c.png", "images/b/") == ["a.png", "b/c.png"]
    assert download(tmp_path, "lists/train.lst", uri="s3://bucket/lists/train.lst") == ["a.png", "b/c.png", "train.lst"]


@pytest.mark.parametrize(
    "key", ["images/../../x", "images/a/../../x", "images/..", "images//../x", "images/a\0b", f"images/{'a' * 300}"]
)
def test_a_key_that_cannot_be_a_file_of_the_job_is_named(tmp_path: Path, key: str) -> None:
    directory = tmp_path / "job" / "channel"
    directory.mkdir(parents=True)
    with pytest.raises(TransferError, match=r"Failed to download data\. Cannot download s3://bucket/images/"):
        download(directory, key)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("keys", [("images/a", "images/a/b"), ("images/a/b", "images/a"), ("images/a", "images//a")])
def test_keys_that_clash_are_refused_instead_of_overwritten(tmp_path: Path, keys: tuple[str, str]) -> None:
    with pytest.raises(TransferError, match="a previously downloaded file/folder clashes with it"):
        download(tmp_path, *keys)


def archive(*members: tuple[str, bytes, str]) -> bytes:
    """Return a model.tar.gz of members: their names, types and links."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            member.size = 1 if kind == tarfile.REGTYPE else 0
            file.addfile(member, io.BytesIO(b"x") if member.size else None)
    return packed.getvalue()


def unpack(directory: Path, *members: tuple[str, bytes, str]) -> None:
    directory.mkdir(parents=True)
    download_model(Bucket({"model.tar.gz": archive(*members)}), "s3://bucket/model.tar.gz", directory)


def test_a_model_is_unpacked_with_its_links(tmp_path: Path) -> None:
    root, file = (".", tarfile.DIRTYPE, ""), ("./a/weights", tarfile.REGTYPE, "")
    links = [("latest", tarfile.SYMTYPE, "a/weights"), ("hard", tarfile.LNKTYPE, "./a/weights")]
    unpack(tmp_path / "m", root, file, *links)
    assert [(tmp_path / "m" / name).read_bytes() for name in ("a/weights", "latest", "hard")] == [b"x"] * 3


@pytest.mark.parametrize(
    "members",
    [
        [("../x", tarfile.REGTYPE, "")],
        [("a/../../x", tarfile.REGTYPE, "")],
        [("out", tarfile.SYMTYPE, ".."), ("out/x", tarfile.REGTYPE, "")],
        [("out", tarfile.SYMTYPE, "/tmp"), ("out/x", tarfile.REGTYPE, "")],
        [("out", tarfile.LNKTYPE, "../secret")],
    ],
)
def test_a_member_that_leads_out_is_refused(tmp_path: Path, members: list[tuple[str, bytes, str]]) -> None:
    with pytest.raises((TransferError, tarfile.TarError)):
        unpack(tmp_path / "m", *members)
    assert not (tmp_path / "x").exists()


def test_links_beyond_the_longest_path_do_not_hide_where_a_member_leads(tmp_path: Path) -> None:
    """CVE-2025-4517: where a path is too long to be resolved, its links are not followed."""
    long, members, path = "d" * 247, list[tuple[str, bytes, str]](), ""
    for name in "abcdefghijklmnop":
        members.append((f"{path}{long}", tarfile.DIRTYPE, ""))
        members.append((f"{path}{name}", tarfile.SYMTYPE, long))
        path += f"{name}/"
    members.append((f"{path}{'l' * 254}", tarfile.SYMTYPE, "../" * 16))
    members.append(("escape", tarfile.SYMTYPE, f"{path}{'l' * 254}/.."))
    members.append(("escape/secret", tarfile.REGTYPE, ""))
    with pytest.raises((TransferError, tarfile.TarError)):
        unpack(tmp_path / "m", *members)
    assert not (tmp_path / "secret").exists()
