import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from training.statistics.profile import ProfileError, names, parse, rounded

FIELDS: dict[str, Any] = {
    "version": 1,
    "photos": 3,
    "held_out": 2,
    "correct": 2,
    "networks": "epoch 7",
    "labels": [0, 1],
    "probabilities": [[0.9, 0.1], [0.25, 0.75]],
    "statistics": {
        "brightness": [0.1, 0.2, 0.3],
        "contrast": [0.1, 0.1, 0.1],
        "sharpness": [-3, -2, -1],
        "saturation": [0, 0, 0.5],
    },
}


def content(**changes: Any) -> bytes:
    return json.dumps(FIELDS | changes).encode()


def test_photos_are_tested_against_the_statistics_and_the_answers_to_held_out_photos() -> None:
    found = parse(content()).values(("bicycle", "motorcycle"))
    assert {name: row.tolist() for name, row in found.items()} == FIELDS["statistics"] | {
        "confidence": [0.9, 0.75],
        "p_bicycle": [0.9, 0.25],
    }
    assert tuple(found) == names(("bicycle", "motorcycle"))


def test_of_three_classes_each_has_its_probability() -> None:
    assert names(("a", "b", "c"))[-4:] == ("confidence", "p_a", "p_b", "p_c")


def test_a_model_of_other_classes_is_refused() -> None:
    with pytest.raises(ProfileError, match="The model's profile has 2 classes, but the dataset 3: train and deploy"):
        parse(content()).values(("a", "b", "c"))


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"[]", "damaged"),
        (content(version=2), "version 2, but this program reads 1"),
        (content(labels=[0]), "damaged"),
        (content(labels=[0] * 4, probabilities=[[1.0]] * 4), r"\[3\] statistics, 4 labels"),
        (content(probabilities=[[0.9, 0.1], [float("nan"), 0.75]]), "a number is not finite"),
        (content(probabilities=[[0.9, 0.1], [0.75]]), "damaged"),
        (content(statistics={"brightness": []}), "damaged"),
        (content(held_out="many"), "damaged"),
    ],
)
def test_a_damaged_profile_is_one_sentence(damaged: bytes, reason: str) -> None:
    with pytest.raises(ProfileError, match=reason):
        parse(damaged)


def test_a_profile_is_read_without_torch() -> None:
    """Importing torch takes seconds, and a scheduled job may run where there is none."""
    program = "import sys, training.statistics.profile; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_both_sides_of_a_comparison_are_rounded_alike() -> None:
    found = rounded({"confidence": [0.99996, 0.12344, float("nan")]})["confidence"]
    np.testing.assert_array_equal(found, [1.0, 0.1234, np.nan])
