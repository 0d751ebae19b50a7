"""The managed policies of the local AWS are those that the tests' moto ships."""

from pathlib import Path

import pytest

from scripts import managed_policies


def test_the_file_is_what_the_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run `make policies` when this fails after an upgrade of moto."""
    kept = managed_policies.TARGET.read_text()
    monkeypatch.setattr(managed_policies, "TARGET", tmp_path / "written.json")
    managed_policies.main()
    assert (tmp_path / "written.json").read_text() == kept
