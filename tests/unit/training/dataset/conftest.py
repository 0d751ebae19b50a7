from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.training.dataset.servers import Server, serving
from training.dataset.archive import Archive, read


@pytest.fixture
def archive(write_archive: Any) -> Archive:
    return read(write_archive())


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server
