"""The command line: where a step may stand, what it takes, and what a wrong word is answered with."""

import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from training.arguments import DESCRIPTIONS, options_for, parse
from training.checks.limits import Limits
from training.config import COMBINED_STEPS, NO_STEPS, REGION_VARIABLE, SEPARATE_STEPS, STEPS
from training.options import (
    SHIFTS,
    BatchOptions,
    Burst,
    DeployOptions,
    ExecutionsOptions,
    MonitorOptions,
    Shift,
    StageOptions,
    ThresholdOptions,
    TrafficOptions,
    TrainOptions,
)

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/scones:1"
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kind", [StageOptions, TrainOptions, DeployOptions, ExecutionsOptions, MonitorOptions])
@pytest.mark.parametrize("words", [[], ["all"]])
def test_no_step_is_all_steps_with_their_defaults(kind: type, words: list[str]) -> None:
    arguments = parse(words)
    assert arguments.step == "all"
    assert options_for(kind, arguments) == kind()


@pytest.mark.parametrize("step", [*STEPS, *NO_STEPS])
def test_the_common_options_go_with_every_step_before_and_after_it(step: str) -> None:
    for words in (["--stack-name", "x", "--seed=3", step, "--json"], [step, "--json", "--seed", "3", "--stack-name=x"]):
        arguments = parse(words)
        assert (arguments.step, arguments.stack_name, arguments.seed, arguments.json) == (step, "x", 3, True)


def test_all_steps_take_the_options_of_each() -> None:
    arguments = parse(["--archive", "a.tar.gz", "--epochs", "4", "--capture-percentage", "0", "--executions", "1"])
    assert options_for(StageOptions, arguments).archive == "a.tar.gz"
    assert options_for(TrainOptions, arguments).hyperparameters == {"epochs": "4"}
    assert options_for(DeployOptions, arguments).capture_percentage == 0
    assert options_for(ExecutionsOptions, arguments).executions == 1


def test_photos_come_from_an_archive_or_a_directory(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["stage", "--images", "my photos", "--classes", "b,a", "--image-size", "128", "--test-share", "0.3"]
    options = options_for(StageOptions, parse([*words, "--keep-duplicates"]))
    assert (options.images, options.classes, options.side) == ("my photos", ("b", "a"), 128)
    assert (options.test_share, options.keep_duplicates) == (0.3, True)
    with pytest.raises(SystemExit):
        parse([*words, "--archive", "a.tar.gz"])
    assert "argument --archive: not allowed with argument --images" in capsys.readouterr().err


def test_the_size_of_photos_depends_on_where_they_come_from() -> None:
    given = [[], ["--images", "d"], ["--image-size", "48"], ["--images", "d", "--image-size", "224"]]
    assert [options_for(StageOptions, parse(words)).side for words in given] == [32, 64, 48, 224]


def test_the_seed_is_that_of_every_step() -> None:
    arguments = parse(["--seed", "9"])
    assert options_for(StageOptions, arguments).seed == 9
    assert options_for(TrainOptions, arguments).seed == 9
    assert options_for(ExecutionsOptions, arguments).seed == 9


@pytest.mark.parametrize(
    ("words", "step", "archive", "stack_name"),
    [
        (["--archive", "train"], "all", "train", "scones-unlimited"),
        (["--stack-name", "train", "stage", "--archive", "deploy"], "stage", "deploy", "train"),
        (["--archive", "deploy", "stage"], "stage", "deploy", "scones-unlimited"),
        (["--stack", "train", "stage", "--archive", "deploy"], "stage", "deploy", "train"),
        (["--json", "--archive=deploy", "stage"], "stage", "deploy", "scones-unlimited"),
        (["--sample-if-unavailable", "stage", "--archive", "x"], "stage", "x", "scones-unlimited"),
    ],
)
def test_the_value_of_an_option_is_not_taken_for_a_step(
    words: list[str], step: str, archive: str, stack_name: str
) -> None:
    arguments = parse(words)
    assert (arguments.step, arguments.archive, arguments.stack_name) == (step, archive, stack_name)


@pytest.mark.parametrize("step", [*STEPS, "cleanup"])
def test_every_step_takes_a_region(step: str) -> None:
    assert parse([step, "--region", "eu-west-1"]).region == parse(["--region=eu-west-1", step]).region == "eu-west-1"


def test_without_a_region_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REGION_VARIABLE, raising=False)
    assert "region" not in parse([])


@pytest.mark.parametrize("step", ["all", "stage", "train", "deploy", "test"])
def test_steps_that_cost_can_be_limited(step: str) -> None:
    arguments = parse([step, "--dry-run", "--yes", "--max-usd", "0.50"])
    assert (arguments.dry_run, arguments.yes, arguments.max_usd) == (True, True, 0.5)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "five", "1_0", ""])
def test_a_limit_is_an_amount(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([f"--max-usd={value}"])
    assert f"{value!r} is not an amount in USD such as 5 or 0.50" in capsys.readouterr().err


def test_hyperparameters_have_the_algorithm_s_names() -> None:
    words = [
        "train",
        "--mini-batch-size",
        "32",
        "--epochs",
        "3",
        "--cross-validate",
        "5",
        "--hyperparameter",
        "momentum=0.8",
    ]
    assert options_for(TrainOptions, parse(words)).hyperparameters == {
        "mini_batch_size": "32",
        "epochs": "3",
        "cross_validate": "5",
        "momentum": "0.8",
    }


@pytest.mark.parametrize(
    "words",
    [
        ["--executions", "1"],
        ["--capture-percentage", "0"],
        ["--capture-percentage", "100"],
        ["--validation-share", "0.001"],
        ["--validation-share", "0.999"],
        ["--test-share", "0.999"],
        ["--image-size", "32"],
        ["--image-size", "224"],
    ],
)
def test_the_least_and_the_greatest_value_are_accepted(words: list[str]) -> None:
    assert str(vars(parse(words))[words[0].removeprefix("--").replace("-", "_")]) == words[1]


@pytest.mark.parametrize(
    "words",
    [
        ["--executions", "0"],
        ["--capture-percentage", "101"],
        ["--capture-percentage", "-1"],
        ["--validation-share", "1"],
        ["--validation-share", "0"],
        ["--test-share", "1"],
        ["--image-size", "31"],
        ["--image-size", "225"],
        ["--images", ""],
        ["--hyperparameter", "momentum"],
        ["--hyperparameter", "=1"],
        ["--epochs", "some"],
        ["stage", "train"],
    ],
)
def test_wrong_values_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(words)
    assert caught.value.code == 2
    assert words[-1] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fly"], "invalid choice: 'fly'"),
        (["trian"], "did you mean train?"),
        (["--stack-name", "x", "trian"], "did you mean train?"),
        (["train", "--eposh", "4"], "unrecognized arguments: --eposh 4; did you mean --epochs?"),
        (["--eposh=4"], "did you mean --epochs?"),
        (["deploy", "--epochs", "4"], "--epochs is an option of train, not of deploy"),
        (["--epochs=4", "deploy"], "--epochs is an option of train, not of deploy"),
        (["--algorithm", "buildin"], "invalid choice: 'buildin'"),
        (["--image-uri", IMAGE, "--algorithm", "builtin"], "--image-uri goes with --algorithm own"),
        (["train", "--algorithm=builtin", f"--image-uri={IMAGE}"], "--image-uri goes with --algorithm own"),
        (["cleanup", "--archive", "x"], "--archive is an option of stage, not of cleanup"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_one(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(words)
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["images/test/"], {"source": "images/test/"}),
        (["--concurrency", "8", "photos.csv"], {"source": "photos.csv", "concurrency": 8}),
        (["--retry"], {"retry": "last"}),
        (["--retry", "20260101-000000-abcd"], {"retry": "20260101-000000-abcd"}),
        (["--join"], {"join": "last"}),
        (["--join", "b", "--json"], {"join": "b"}),
        (["s3://b/list.jsonl", "--max-refused-share", "0"], {"source": "s3://b/list.jsonl", "max_refused_share": 0.0}),
        (["images/", "--max-failed-share", "1"], {"source": "images/", "max_failed_share": 1.0}),
    ],
)
def test_a_batch_s_words_are_its_options(words: list[str], expected: dict[str, Any]) -> None:
    assert options_for(BatchOptions, parse(["batch", *words])) == BatchOptions(**expected)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["images/", "--retry", "b"],
        ["--retry", "a", "--join", "b"],
        ["images/", "--join"],
        ["images/", "photos.csv"],
        ["images/", "--max-refused-share", "1.1"],
        ["images/", "--concurrency", "0"],
        ["--retry", "../elsewhere"],
        ["--join", "a" * 81],
    ],
)
def test_a_batch_takes_one_source_of_photos(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["batch", *words])
    assert caught.value.code == 2 and "error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["--through", "uploads", "--wait", "1m", "--seed", "3"], {"through": "uploads", "wait": 60.0, "seed": 3}),
        (["--duration", "1.5h", "--rate", ".5"], {"duration": 5400.0, "rate": 0.5}),
        (["--mix", "bicycle=.7,motor cycle=.3"], {"mix": (("bicycle", 0.7), ("motor cycle", 0.3))}),
        (["--mix", "a=b=1,c=0"], {"mix": (("a=b", 1.0), ("c", 0.0))}),
        (["--burst", "10:5/1m", "--poisson"], {"burst": Burst(10, 5, 60), "poisson": True}),
        (["--corrupt", ".05", "--photos", "own"], {"corrupt": 0.05, "photos": "own"}),
        (
            ["--shift", "grey", "--shift=dark:0.7@2m", "--shift", "blur@0s"],
            {"shift": (Shift("grey", 1.0), Shift("dark", 0.7, 120.0), Shift("blur", 0.5))},
        ),
    ],
)
def test_the_words_of_traffic_are_its_options(words: list[str], expected: dict[str, Any]) -> None:
    parsed = parse(["traffic", "--rate", "20", "--duration", "90s", *words])
    found = options_for(TrafficOptions, parsed)
    assert TrafficOptions(**{"rate": 20.0, "duration": 90.0, **expected}) == replace(found, shift=tuple(found.shift))


@pytest.mark.parametrize(
    ("name", "text"), [("m.json", '{"bicycle": 0.7, "motorcycle": 0.3}'), ("m.CSV", "bicycle,0.7\nmotorcycle, 0.3\n")]
)
def test_a_mix_may_be_a_file(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    parsed = parse(["traffic", "--rate", "1", "--duration", "1", "--mix", str(tmp_path / name)])
    assert options_for(TrafficOptions, parsed).mix == (("bicycle", 0.7), ("motorcycle", 0.3))


@pytest.mark.parametrize(
    "words",
    [
        ["--rate", "0"],
        ["--rate", "1001"],
        ["--rate", "nan"],
        ["--duration", "0"],
        ["--duration", "2d"],
        ["--duration", "25h"],
        ["--through", "batch"],
        ["--corrupt", "1.1"],
        ["--mix", ""],
        ["--mix", "a"],
        ["--mix", "a=1,a=2"],
        ["--mix", "a=0,b=0"],
        ["--mix", "a=-1"],
        ["--mix", "missing.json"],
        ["--burst", "10:5"],
        ["--burst", "1:5/60"],
        ["--burst", "10:60/60"],
        ["--shift", "pink"],
        ["--shift", "dark:0"],
        ["--shift", "dark:1.1"],
        ["--shift", "dark:0.5@"],
        ["--wait", "x"],
    ],
)
def test_traffic_that_makes_no_sense_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["traffic", "--rate", "20", "--duration", "90s", *words])
    assert caught.value.code == 2 and "error" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--rate", "1"], ["--duration", "1"]])
def test_traffic_needs_a_rate_and_a_duration(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["traffic", *words])
    assert "required" in capsys.readouterr().err


def test_the_help_of_traffic_has_every_shift(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed_help(["traffic", "--help"], capsys)
    assert all(kind in text for kind in SHIFTS)


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


def test_limits_of_the_checks_are_options_of_monitor() -> None:
    words = ["monitor", "--min-accuracy", "0.9", "--max-refused", "0.2", "--max-latency", "5"]
    limits = options_for(MonitorOptions, parse(words)).limits
    assert (limits.min_accuracy, limits.max_refused_share, limits.max_latency) == (0.9, 0.2, 5)
    assert limits.max_failed_share == Limits().max_failed_share
    assert options_for(MonitorOptions, parse(["all"])).limits == Limits()


@pytest.mark.parametrize("step", ["all", "monitor", "learn"])
def test_help_tells_the_exit_code_of_a_verdict(step: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([step, "--help"])
    assert "3 when it is stop" in " ".join(capsys.readouterr().out.split())


def test_learning_takes_the_options_of_its_steps_and_always_the_reviewed_photos() -> None:
    arguments = parse(["learn", "--epochs", "4", "--accept-worse", "--executions", "1"])
    assert options_for(TrainOptions, arguments).with_reviewed
    assert options_for(TrainOptions, arguments).hyperparameters == {"epochs": "4"}
    assert options_for(DeployOptions, arguments).accept_worse
    assert not options_for(TrainOptions, parse(["train"])).with_reviewed
    assert options_for(TrainOptions, parse(["train", "--with-reviewed"])).with_reviewed


def test_learning_stages_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["learn", "--archive", "a.tar.gz"])
    assert "--archive is an option of stage, not of learn" in capsys.readouterr().err


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
