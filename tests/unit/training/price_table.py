"""A table of prices that the tests know, in place of the repository's, which `make prices` changes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from training.costs import prices

HERE = "us-east-1"


def entry(usd: float, date: str = "2026-01-02", **more: bool) -> dict[str, Any]:
    return {"usd": usd, "date": date, "source": "AWS price list", **more}


@contextmanager
def price_table(directory: Path, **kinds: dict[str, Any]) -> Iterator[None]:
    """Let these be the only prices, in us-east-1."""
    path = directory / "prices.json"
    path.write_text(json.dumps({"regions": {HERE: kinds}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prices, "TABLE", path)
        prices.table.cache_clear()
        yield
    prices.table.cache_clear()
