"""Scope: captured records as a table, also without a record and with answers of other numbers of classes."""

import numpy as np
import pytest

from tests.unit.training.captures.records import NOON
from training.algorithm.photo_statistics import STATISTICS
from training.captures.frames import PLACE, frame, probabilities_of
from training.captures.records import CapturedInference
from training.errors import CaptureError


def inference(*values: float) -> CapturedInference:
    return CapturedInference(NOON, None, values, "event")


def test_a_table_without_a_row_has_all_columns() -> None:
    found = frame([])
    assert set(found) == {"time", "event_id", "inference_id", *PLACE, *STATISTICS}
    assert found["time"].dtype == "datetime64[us, UTC]" and found["event_id"].dtype == "str"
    assert probabilities_of(found, ("bicycle", "motorcycle")).shape == (0, 2)


def test_probabilities_are_a_row_each() -> None:
    found = probabilities_of(frame([inference(0.9, 0.1), inference(0.25, 0.75)]), ("bicycle", "motorcycle"))
    np.testing.assert_array_equal(found, [[0.9, 0.1], [0.25, 0.75]])


@pytest.mark.parametrize(("values", "number"), [((1.0,), 1), ((0.5, 0.25, 0.25), 3)])
def test_the_first_answer_of_other_classes_is_named(values: tuple[float, ...], number: int) -> None:
    inferences = frame([inference(0.9, 0.1), inference(*values)])
    with pytest.raises(CaptureError, match=f"2026-05-04 12:00:00 UTC has {number} probabilities for the 2 classes"):
        probabilities_of(inferences, ("bicycle", "motorcycle"))
