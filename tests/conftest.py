"""What all tests share: the ledger of the local cloud."""

from pathlib import Path

import pytest

from tests.ledger import TESTS, Ledger


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-ledger", type=Path, metavar="PATH", help=f"write the ledger when all of {TESTS} passed")
    parser.addoption("--write-requests", action="store_true", help="write the recorded requests of a run again")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "aws(service, behaviour, level, note): a line of docs/local-aws.md")
    config.pluginmanager.register(Ledger(config), "ledger")
