"""The words of `threshold`, and what they become."""

import pytest

from training.arguments import options_for, parse
from training.options import (
    ThresholdOptions,
)


def test_a_threshold_has_defaults_and_costs_in_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    assert options_for(ThresholdOptions, parse(["threshold"])) == ThresholdOptions()
    words = ["threshold", "--max-error", ".05", "--confidence", "0.9", "--cost-of-error", "5", "--cost-of-review", "0"]
    expected = ThresholdOptions(0.05, 0.9, 5.0, 0.0, True, "p.csv", 3)
    more = ["--per-class", "--predictions", "p.csv", "--seed", "3"]
    assert options_for(ThresholdOptions, parse([*words, *more])) == expected
    with pytest.raises(SystemExit):
        parse(["threshold", "--cost-of-error", "5"])
    assert "--cost-of-error and --cost-of-review go together" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--max-error", "0"], ["--max-error", "1"], ["--cost-of-error", "-1"]])
def test_values_that_no_threshold_has_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["threshold", *words])
    assert f"argument {words[0]}: '{words[1]}' is not a" in capsys.readouterr().err
