"""Deliveries under way are kept in a directory of the test's own."""

from pathlib import Path

import pytest
from ministack.core import persistence as ministack_persistence

from localcloud.corrections.events import outbox
from localcloud.store import Store


@pytest.fixture(autouse=True)
def own_outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack_persistence, "STATE_DIR", str(tmp_path / "ministack"))
    monkeypatch.setattr(outbox, "store", Store())
    monkeypatch.setattr(outbox, "found", {})
    outbox.load()
