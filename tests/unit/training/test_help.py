"""The help: every step, its options with units and defaults, examples, and nothing heavy to load."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from training.arguments import DESCRIPTIONS, parse
from training.config import COMBINED_STEPS, NO_STEPS, SEPARATE_STEPS, STEPS
from training.options import (
    SHIFTS,
)

ROOT = Path(__file__).parents[3]


def printed_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        parse(words)
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_step_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed_help(["--json", "--help"], capsys)
    assert "--stack-name" in text and "--epochs" not in text
    assert set(DESCRIPTIONS) == {*COMBINED_STEPS, *STEPS, *SEPARATE_STEPS, *NO_STEPS}
    for step, description in DESCRIPTIONS.items():
        assert f"    {step} " in text and description.split()[0] in text


def test_the_help_of_a_step_shows_units_and_defaults_of_its_options_only(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(printed_help(["train", "--help"], capsys).split())
    assert "--max-runtime SECONDS time after which training is stopped (default: 3600)" in text
    assert "--stack-name" in text and "--archive" not in text


@pytest.mark.parametrize("step", DESCRIPTIONS)
def test_help_shows_a_default_only_where_there_is_one(step: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(printed_help([step, "--help"], capsys).split())
    for nothing in (None, True, False):
        assert f"(default: {nothing})" not in text


@pytest.mark.parametrize("step", DESCRIPTIONS)
def test_the_help_of_each_step_has_examples_to_copy(
    step: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = printed_help([step, "--help"], capsys)
    below_usage = text.partition("\n\n")[2]  # whose groups argparse does not wrap
    assert max(map(len, below_usage.splitlines())) <= 80
    found = [line.strip() for line in text.split("\nexamples:\n")[1].splitlines() if "training/run.py" in line]
    assert found and all(line.startswith("python training/run.py ") for line in found)
    named = [parse(shlex.split(line)[2:]).step for line in found]
    assert step in named and set(named) <= {step, "review"}


def test_the_help_of_traffic_has_every_shift(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed_help(["traffic", "--help"], capsys)
    assert all(kind in text for kind in SHIFTS)


@pytest.mark.parametrize("step", ["all", "monitor", "learn"])
def test_help_tells_the_exit_code_of_a_verdict(step: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "3 when it is stop" in " ".join(printed_help([step, "--help"], capsys).split())


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, runpy; sys.argv = ['run.py', '--help']\n"
        "try: runpy.run_path('training/run.py', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {'boto3', 'botocore', 'pandas', 'matplotlib', 'sagemaker', 'torch', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--stack-name" in done.stdout
