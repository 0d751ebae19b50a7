import subprocess
import sys
from pathlib import Path

import pytest

from training.options import hyperparameters, parser

ROOT = Path(__file__).parents[3]


def test_defaults_run_everything_on_the_two_vehicles() -> None:
    options = parser().parse_args([])
    assert options.step == "all"
    assert options.classes == ("bicycle", "motorcycle")
    assert hyperparameters(options) == {}


def test_hyperparameters_have_the_algorithm_s_names() -> None:
    arguments = ["train", "--mini-batch-size", "32", "--epochs", "3", "--hyperparameter", "momentum=0.8"]
    assert hyperparameters(parser().parse_args(arguments)) == {
        "mini_batch_size": "32",
        "epochs": "3",
        "momentum": "0.8",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"], ["--executions", "0"], ["--capture-percentage", "101"], ["--validation-share", "1"],
        ["--hyperparameter", "momentum"], ["--epochs", "some"],
    ],
)  # fmt: skip
def test_wrong_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(arguments)
    assert caught.value.code == 2
    assert arguments[-1] in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, runpy; sys.argv = ['run.py', '--help']\n"
        "try: runpy.run_path('training/run.py', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {'boto3', 'pandas', 'matplotlib', 'sagemaker', 'torch', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--stack-name" in done.stdout
