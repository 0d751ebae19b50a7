"""Verdicts: read from a batch's files, written as a table, counted."""

import csv
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.batch.conftest import ACCEPTED, BROKEN, REFUSED, child, lines, write_verdicts
from training.batch import verdicts
from training.context import Context
from training.errors import BatchError


def test_every_photo_has_its_verdict(context: Context, s3: Any) -> None:
    timed_out = child("d", "e", Status="TIMED_OUT")
    failed = child("f", Status="FAILED", Error="States.DataLimitExceeded", Cause="too large")
    pending = json.dumps([child("g", Status="PENDING")]).encode()
    write_verdicts(
        s3, "b", SUCCEEDED=lines(ACCEPTED, REFUSED, BROKEN), FAILED=lines(timed_out, failed), PENDING=pending
    )
    found = list(verdicts.read(context, "b"))
    assert found[:3] == [ACCEPTED, REFUSED, BROKEN]
    assert [(one["s3_key"], one["error"], one["cause"]) for one in found[3:]] == [
        ("d", "TIMED_OUT", ""),
        ("e", "TIMED_OUT", ""),
        ("f", "States.DataLimitExceeded", "too large"),
        ("g", "PENDING", ""),
    ]


def test_a_batch_of_a_longer_name_is_another(context: Context, s3: Any) -> None:
    write_verdicts(s3, "b-2", SUCCEEDED=lines(ACCEPTED))
    with pytest.raises(BatchError, match=r"The batch b has no verdicts: s3://photos/verdicts/b/ has no manifest\.json"):
        list(verdicts.read(context, "b"))


@pytest.mark.parametrize("line", [b"no json\n", b'{"Status": "FAILED"}\n', b"3\n"])
def test_a_damaged_file_is_named(context: Context, s3: Any, line: bytes) -> None:
    write_verdicts(s3, "b", FAILED=line)
    with pytest.raises(BatchError, match=r"s3://photos/verdicts/b/1/FAILED_0\.json is not what a batch writes"):
        list(verdicts.read(context, "b"))


def test_the_table_has_a_row_for_each_photo(tmp_path: Path) -> None:
    verdicts.write_table([ACCEPTED, REFUSED, BROKEN], tmp_path / "verdicts.csv")
    with (tmp_path / "verdicts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    empty = {"accepted": "", "class": "", "confidence": "", "inferences": ""}
    assert rows[0] == {
        "s3_key": "a",
        "version": "",
        "accepted": "true",
        "class": "1",
        "confidence": "0.95",
        "inferences": "[0.05, 0.95]",
        "error": "",
        "cause": "",
    }
    assert rows[1]["accepted"] == "false" and rows[1]["version"] == "v"
    assert rows[2] == {"s3_key": "'=c", "version": "", **empty, "error": "InvalidImageError", "cause": "no image"}


def test_outcomes_are_counted(tmp_path: Path) -> None:
    found = verdicts.write_table([ACCEPTED] * 3 + [REFUSED] + [BROKEN] * 4, tmp_path / "verdicts.csv")
    assert (found.photos, found.accepted, found.refused, found.failed) == (8, 3, 1, 4)
    assert found.errors == {"InvalidImageError": 4}
    assert found.classes == {("1", "accepted"): 3, ("0", "refused"): 1}
    assert found.confidences == {(47, "accepted"): 3, (30, "refused"): 1}
    assert found.share(found.refused) == 0.125


def test_a_confidence_of_one_is_in_the_last_bin(tmp_path: Path) -> None:
    found = verdicts.write_table([{**ACCEPTED, "confidence": 1}], tmp_path / "verdicts.csv")
    assert list(found.confidences) == [(verdicts.BINS - 1, "accepted")]


def test_many_verdicts_need_little_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        verdicts.write_table(({**ACCEPTED, "s3_key": f"images/{n}.png"} for n in range(20_000)), tmp_path / "v.csv")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1e6  # the file has 2 MB
