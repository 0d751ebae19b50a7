from pathlib import Path

import pytest

from tests.ledger import Ledger, page

ROOT = Path(__file__).parents[2]


def test_the_ledger_is_fresh(request: pytest.FixtureRequest) -> None:
    """Compare docs/local-aws.md with the marks that this session has collected."""
    ledger = request.config.pluginmanager.get_plugin("ledger")
    assert isinstance(ledger, Ledger)
    if ledger.path is not None:
        return  # the session is about to write the page
    if ledger.selected() or ledger.all_files() - ledger.collected_files:
        pytest.skip("only a part of tests/integration was collected")
    assert (ROOT / "docs/local-aws.md").read_text() == page(ledger.collected), "run `make ledger`"
