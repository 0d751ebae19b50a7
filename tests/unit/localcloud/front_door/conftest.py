"""The root user whose key signs the requests."""

from collections.abc import Iterator

import pytest
from ministack.services import sts

from localcloud import identity
from tests.unit.localcloud.front_door.visits import ROOT


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    identity.use_root(ROOT.access_key, ROOT.secret_key)
    yield
    sts.reset()
