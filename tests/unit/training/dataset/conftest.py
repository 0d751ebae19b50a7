from typing import Any

import pytest

from training.dataset.archive import Archive, read


@pytest.fixture
def archive(write_archive: Any) -> Archive:
    return read(write_archive())
