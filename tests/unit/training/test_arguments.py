"""The command line: where a step may stand, what it takes, and what a wrong word is answered with."""

import pytest

from training.arguments import options_for, parse
from training.config import NO_STEPS, REGION_VARIABLE, STEPS
from training.options import (
    DeployOptions,
    ExecutionsOptions,
    MonitorOptions,
    StageOptions,
    TrainOptions,
)

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/scones:1"


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
