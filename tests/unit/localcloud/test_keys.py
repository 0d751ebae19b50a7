import json
from pathlib import Path

import pytest

from localcloud import keys
from localcloud.keys import KeysError


def test_each_cloud_has_keys_of_its_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = keys.ensure(tmp_path / "one"), keys.ensure(tmp_path / "two")
    assert one.access_key_id != two.access_key_id
    assert one.secret_access_key != two.secret_access_key
    assert len(one.secret_access_key) == 40


def test_keys_stay(tmp_path: Path) -> None:
    assert keys.ensure(tmp_path) == keys.ensure(tmp_path) == keys.load(tmp_path)


def test_only_the_user_may_read_the_keys(tmp_path: Path) -> None:
    (tmp_path / "keys.json.part").touch(0o644)  # of an interrupted start
    keys.ensure(tmp_path)
    assert keys.keys_path(tmp_path).stat().st_mode & 0o777 == 0o600


DAMAGED = ["", "{", "[]", "[" * 100_000, json.dumps({"access_key_id": "AKIA", "secret_access_key": 1}), "null"]


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_keys_are_one_sentence_and_made_again(tmp_path: Path, text: str) -> None:
    keys.keys_path(tmp_path).write_text(text)
    with pytest.raises(KeysError, match=r"^The keys .*keys\.json .*: make new ones with `localcloud down` and `up`\.$"):
        keys.load(tmp_path)
    assert keys.ensure(tmp_path) == keys.load(tmp_path)
