"""Finding photos: every file in the directory gets an answer, and none outside of it is read."""

import os
import socket
import unicodedata
from pathlib import Path

import pytest

from training.dataset import folders
from training.dataset.folders import Found, find
from training.errors import DatasetError


def touch(directory: Path, *names: str) -> Path:
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"photo")
    return directory


def left_out(found: Found) -> dict[str, str]:
    return {line.name: line.reason for line in found.left_out}


def names(found: Found) -> list[str]:
    return [photo.name for photo in found.photos]


def test_folders_are_classes_in_alphabetical_order(tmp_path: Path) -> None:
    found = find(touch(tmp_path, "b/1.jpg", "a/2.jpg", "B/3.jpg"), ())
    assert found.classes == ("B", "a", "b")
    assert [(photo.class_name, photo.name) for photo in found.photos] == [
        ("B", "B/3.jpg"),
        ("a", "a/2.jpg"),
        ("b", "b/1.jpg"),
    ]


def test_chosen_classes_keep_their_order_and_others_are_not_looked_at(tmp_path: Path) -> None:
    found = find(touch(tmp_path, "a/1.jpg", "b/1.jpg", "c/1.jpg"), ("c", "a"))
    assert found.classes == ("c", "a")
    assert names(found) == ["c/1.jpg", "a/1.jpg"]


def test_folders_within_a_class_belong_to_it_in_order_of_their_names(tmp_path: Path) -> None:
    found = find(touch(tmp_path, "a/z/1.jpg", "a/2.jpg", "a/b/c/3.jpg", "b/1.jpg"), ())
    assert names(found) == ["a/2.jpg", "a/b/c/3.jpg", "a/z/1.jpg", "b/1.jpg"]


def test_hidden_files_and_folders_are_ignored(tmp_path: Path) -> None:
    found = find(touch(tmp_path, "a/1.jpg", "b/1.jpg", "a/.DS_Store", ".git/x", "a/.thumbs/1.jpg", ".x"), ())
    assert (found.classes, names(found), found.left_out) == (("a", "b"), ["a/1.jpg", "b/1.jpg"], ())


def test_files_beside_the_folders_are_named(tmp_path: Path) -> None:
    assert left_out(find(touch(tmp_path, "a/1.jpg", "b/1.jpg", "c.jpg"), ())) == {"c.jpg": "no class"}


def test_links_are_read_only_where_they_stay_in_the_directory(tmp_path: Path) -> None:
    outside = touch(tmp_path / "private", "secret.jpg")
    directory = touch(tmp_path / "photos", "a/1.jpg", "b/1.jpg")
    (directory / "a/inside.jpg").symlink_to(directory / "b/1.jpg")
    (directory / "a/outside.jpg").symlink_to(outside / "secret.jpg")
    (directory / "a/up.jpg").symlink_to("../../private/secret.jpg")
    (directory / "a/folder").symlink_to(outside)
    (directory / "a/circle").symlink_to(directory)
    (directory / "a/nowhere.jpg").symlink_to("nothing.jpg")
    (directory / "a/self.jpg").symlink_to("self.jpg")
    (directory / "c").symlink_to(outside)
    found = find(directory, ())
    assert found.classes == ("a", "b")
    assert names(found) == ["a/1.jpg", "a/inside.jpg", "b/1.jpg"]
    assert left_out(found) == {
        "a/circle": "link",
        "a/folder": "link",
        "a/nowhere.jpg": "unreadable",
        "a/outside.jpg": "link",
        "a/self.jpg": "unreadable",
        "a/up.jpg": "link",
        "c": "link",
    }


def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    touch(tmp_path / "photos", "a/1.jpg", "b/1.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    (tmp_path / "photos/a/inside.jpg").symlink_to(tmp_path / "link" / "b" / "1.jpg")
    assert names(find(tmp_path / "link", ())) == ["a/1.jpg", "a/inside.jpg", "b/1.jpg"]


def test_pipes_and_sockets_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a/1.jpg", "b/1.jpg")
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    monkeypatch.chdir(tmp_path / "a")  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
        assert left_out(find(tmp_path, ())) == {"a/pipe.jpg": "unreadable", "a/socket.jpg": "unreadable"}


def test_a_huge_file_is_not_opened(tmp_path: Path) -> None:
    with (touch(tmp_path, "a/1.jpg", "b/1.jpg") / "a" / "film.mov").open("wb") as film:
        film.truncate(folders.MOST_FILE_BYTES + 1)  # without its bytes on the disk
    found = find(tmp_path, ())
    assert left_out(found) == {"a/film.mov": "too large"}
    assert found.left_out[0].detail == "The file has 100,000,001 bytes; at most 100,000,000 are read."


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a/1.jpg", "a/locked/2.jpg", "b/1.jpg")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find(tmp_path, ())
    assert left_out(found) == {"a/locked": "unreadable"}
    assert found.left_out[0].detail == "The folder cannot be read: Permission denied."


def test_names_of_any_script_and_bytes_are_text(tmp_path: Path) -> None:
    directory = touch(tmp_path, "自転車/写真 1.jpg", "b/=1+1.jpg", "b/two\nlines.jpg")
    (directory / "b" / os.fsdecode(b"\xff.jpg")).write_bytes(b"photo")  # not UTF-8
    found = find(directory, ())
    assert found.classes == ("b", "自転車")
    assert names(found) == ["b/=1+1.jpg", "b/two\nlines.jpg", "b/\ufffd.jpg", "自転車/写真 1.jpg"]
    assert all(photo.path.read_bytes() == b"photo" for photo in found.photos)


def test_a_class_is_found_however_its_accents_are_composed(tmp_path: Path) -> None:
    touch(tmp_path, unicodedata.normalize("NFD", "café") + "/1.jpg", "b/1.jpg")
    assert find(tmp_path, (unicodedata.normalize("NFC", "café"), "b")).classes == ("café", "b")
    touch(tmp_path, unicodedata.normalize("NFC", "café") + "/1.jpg")
    with pytest.raises(DatasetError, match="two folders that read café"):
        find(tmp_path, ())


@pytest.mark.parametrize(
    ("files", "classes", "sentence"),
    [
        ([], (), "has no folders: put the photos of each class into a folder"),
        (["1.jpg"], (), "has no folders"),
        (["a/1.jpg"], (), r"Two classes or more are needed to tell apart, got \['a'\]"),
        (["a/1.jpg", "b/1.jpg"], ("a",), "Two classes or more"),
        (["apples/1.jpg", "b/1.jpg"], ("apple", "b"), r"has no class 'apple': the closest are apples\."),
        (["train/a/1.jpg", "test/a/1.jpg"], (), "called test, train, which are splits, not classes: pass one of them"),
    ],
)
def test_a_directory_without_classes_is_refused(
    tmp_path: Path, files: list[str], classes: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(DatasetError, match=sentence):
        find(touch(tmp_path, *files), classes)


def test_a_missing_directory_and_a_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"There is no directory .*nothing: correct the path of --images"):
        find(tmp_path / "nothing", ())
    with pytest.raises(DatasetError, match=r"photos\.zip is a file: --images takes a directory"):
        find(touch(tmp_path, "photos.zip") / "photos.zip", ())
