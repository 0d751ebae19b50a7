import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud import segments
from localcloud import store as store_module
from localcloud.segments import Content
from localcloud.store import Store

ONE, TWO = Content(b"note", b"first body"), Content(b"", b"second body")


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SEGMENT_BYTES", 1000)


def opened(directory: Path) -> tuple[Store, dict[str, bytes]]:
    store = Store()
    return store, store.open(directory)


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.segment"))


def size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())


@pytest.mark.parametrize("name", ["a", "folder/é", "nul\0", "\ud800", "n" * 2000])
def test_contents_are_kept_by_name(tmp_path: Path, name: str) -> None:
    store, _ = opened(tmp_path)
    store.write({name: ONE, "other": TWO})
    again, notes = opened(tmp_path)
    assert notes == {name: b"note", "other": b""}
    assert [store.body(name), again.body(name), again.body("other")] == [ONE.body, ONE.body, TWO.body]


def test_the_last_content_of_a_name_counts(tmp_path: Path) -> None:
    store, _ = opened(tmp_path)
    for number in range(100):
        store.write({"a": Content(b"%d" % number, b"body %d" % number)})
    again, notes = opened(tmp_path)
    assert (notes, again.body("a")) == ({"a": b"99"}, b"body 99")


def test_a_deleted_content_is_gone(tmp_path: Path) -> None:
    store, _ = opened(tmp_path)
    store.write({"a": ONE, "b": TWO})
    store.write({"a": None, "never there": None})
    for one in (store, opened(tmp_path)[0]):
        assert one.names() == ["b"]
        with pytest.raises(OSError, match="its bytes are lost: 'a'"):
            one.body("a")


def test_a_name_may_be_deleted_and_written_in_turn(tmp_path: Path) -> None:
    store, _ = opened(tmp_path)
    for _ in range(50):
        store.write({"a": ONE})
        store.write({"a": None})
    assert opened(tmp_path)[0].names() == []
    store.write({"a": TWO})
    assert opened(tmp_path)[0].body("a") == TWO.body


def test_many_contents_are_in_few_files(tmp_path: Path) -> None:
    store, _ = opened(tmp_path)
    store.write({str(number): Content(b"", b"%3d" % number) for number in range(100)})
    store.write({"more": ONE})
    assert len(files(tmp_path)) == 2
    assert [opened(tmp_path)[0].body(str(number)) for number in range(100)] == [b"%3d" % n for n in range(100)]


@pytest.mark.parametrize("again", [0, 1])
def test_replaced_and_deleted_contents_give_their_room_back(tmp_path: Path, again: int) -> None:
    store, _ = opened(tmp_path)
    body = bytes(900)
    for number in range(100):
        store.write({"kept": ONE, "replaced": Content(b"", body), str(number % 2): Content(b"", body)})
        store.write({str(number % 2): None})
    assert size(tmp_path) < 8000
    for _ in range(again):
        store, _ = opened(tmp_path)
    assert sorted(store.names()) == ["kept", "replaced"]
    assert (store.body("kept"), store.body("replaced")) == (ONE.body, body)
    store.write(dict.fromkeys(store.names()))
    assert size(tmp_path) == 0


def test_what_was_moved_is_found_after_another_start(tmp_path: Path) -> None:
    store, _ = opened(tmp_path)
    contents = {str(number): Content(b"%d" % number, b"%d" % number * 100) for number in range(60)}
    for name, content in contents.items():
        store.write({name: content})
    gone = {name for name in contents if int(name) % 5}
    store.write(dict.fromkeys(gone))
    assert size(tmp_path) < sum(len(content.body) for content in contents.values())
    again, notes = opened(tmp_path)
    assert notes == {name: content.note for name, content in contents.items() if name not in gone}
    assert all(again.body(name) == contents[name].body for name in notes)


def test_a_record_that_was_not_finished_is_cut_off(tmp_path: Path) -> None:
    store, _ = opened(tmp_path)
    store.write({"a": ONE})
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    store.write({"b": TWO})
    unfinished = path.read_bytes()
    for end in range(len(whole), len(unfinished)):
        path.write_bytes(unfinished[:end])
        again, notes = opened(tmp_path)
        assert (notes, again.body("a")) == ({"a": b"note"}, ONE.body)
        assert path.read_bytes() == whole


@pytest.mark.parametrize("where", ["header", "name"])
def test_a_damaged_segment_is_set_aside(tmp_path: Path, where: str, caplog: pytest.LogCaptureFixture) -> None:
    store, _ = opened(tmp_path)
    store.write({"a": ONE})
    (path,) = files(tmp_path)
    start = path.stat().st_size
    store.write({"b": TWO, "c": TWO})
    content = bytearray(path.read_bytes())
    content[start + {"header": 8, "name": segments.HEADER_BYTES}[where]] ^= 1
    path.write_bytes(content)
    again, notes = opened(tmp_path)
    assert (list(notes), again.body("a")) == (["a"], ONE.body)
    (aside,) = tmp_path.glob("*.damaged-*")
    assert aside.read_bytes() == content
    assert f"{path} is damaged. It is now {aside.name}." in caplog.text
    again.write({"b": TWO})
    assert opened(tmp_path)[0].body("b") == TWO.body


@pytest.mark.parametrize("damage", [lambda body: b"x" * len(body), lambda _: b""])
def test_damaged_bytes_are_an_error(tmp_path: Path, damage: Any) -> None:
    store, _ = opened(tmp_path)
    store.write({"b": TWO, "a": ONE})
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes().replace(ONE.body, damage(ONE.body)))
    with pytest.raises(OSError, match="its bytes are lost: 'a'"):
        store.body("a")
    assert store.body("b") == TWO.body


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each write take half of what it is given, and then nothing."""
    write, calls = os.pwrite, [0]

    def pwrite(file: int, content: bytes, offset: int) -> int:
        calls[0] += 1
        if calls[0] % 2 == 0:
            raise OSError(28, "No space left on device")
        return write(file, content[: len(content) // 2], offset)

    with monkeypatch.context() as patches:
        patches.setattr(os, "pwrite", pwrite)
        yield


def test_a_failed_write_changes_nothing(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    store, _ = opened(tmp_path)
    store.write({"a": ONE})
    before = size(tmp_path)
    request.getfixturevalue("full_disk")
    with pytest.raises(OSError, match="No space left"):
        store.write({"a": TWO, "b": TWO})
    assert (store.names(), store.body("a"), size(tmp_path)) == (["a"], ONE.body, before)
    assert opened(tmp_path)[0].body("a") == ONE.body


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = opened(tmp_path)
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, content, offset: write(file, content[:7], offset))
    store.write({"a": ONE})
    assert opened(tmp_path)[0].body("a") == ONE.body
