"""Which messages of a batch a function's answer reports as failed."""

import json
from typing import Any

import pytest

from localcloud.corrections.queues.batches import failed_of

REPORTING = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
BATCH = {"one", "two"}


def failed(answer: Any, mapping: dict[str, Any] = REPORTING) -> set[str]:
    return failed_of(mapping, {"body": json.dumps(answer)}, BATCH)


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"other": 1}])
def test_no_report_is_a_success(answer: Any) -> None:
    assert failed(answer) == set()


def test_what_is_reported_has_failed() -> None:
    assert failed({"batchItemFailures": [{"itemIdentifier": "two"}]}) == {"two"}


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": "two"}, {"itemIdentifier": "three"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"other": "two"}]},
        {"batchItemFailures": ["two"]},
        "two",
        [1],
    ],
)
def test_a_malformed_report_fails_the_batch(answer: Any) -> None:
    assert failed(answer) == BATCH


def test_without_reports_an_answer_means_nothing() -> None:
    assert failed({"batchItemFailures": [{"itemIdentifier": "two"}]}, {}) == set()
