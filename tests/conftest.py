"""What all tests share: the ledger of the local cloud, and the SDK's models of AWS's APIs."""

import functools
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest

from tests.ledger import TESTS, Ledger


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-ledger", type=Path, metavar="PATH", help=f"write the ledger when all of {TESTS} passed")
    parser.addoption("--write-requests", action="store_true", help="write the recorded requests of a run again")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "aws(service, behaviour, level, note): a line of docs/local-aws.md")
    config.pluginmanager.register(Ledger(config), "ledger")


@pytest.fixture(scope="session", autouse=True)
def shared_models() -> Iterator[None]:
    """Let every client read its service's model once; by default, each session reads it anew, for 0.1 to 0.2 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield
