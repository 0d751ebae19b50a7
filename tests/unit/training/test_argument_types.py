"""What the options accept, and the one sentence that answers anything else."""

from datetime import timedelta

import pytest

from tests.unit.training.fakes import DATASET
from training.arguments import options_for, parse
from training.options import DERIVED_HYPERPARAMETERS, DeployOptions, StageOptions
from training.programs.program import required_hyperparameters


@pytest.mark.parametrize(
    "words",
    [
        ["--seed", "0"],
        ["--seed", "4294967295"],
        ["--executions", "99999"],
        ["--stack-name", "a"],
        ["--stack-name", "Scones-2"],
        ["train", "--instance-type", "ml.p4d.24xlarge"],
        ["train", "--algorithm", "builtin"],
        ["train", "--image-uri", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/scones:1"],
        ["train", "--image-uri", f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/scones@sha256:{'0' * 64}"],
        ["train", "--learning-rate", "1e-3"],
        ["train", "--learning-rate", "1"],
        ["train", "--learning-rate", ".5"],
        ["train", "--mini-batch-size", "2"],
    ],
)
def test_values_within_the_limits_are_accepted(words: list[str]) -> None:
    parse(words)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--seed", "-1"], "a whole number from 0 to 4294967295"),
        (["--seed", "1e9"], "a whole number from 0 to 4294967295"),
        (["--seed", "4294967296"], "a whole number from 0 to 4294967295"),
        (["--seed", "9" * 5000], "a whole number from 0 to 4294967295"),
        (["--seed", "1_000"], "a whole number"),
        (["--seed", " 1"], "a whole number"),
        (["--seed", "\u0661"], "a whole number"),
        (["--seed", ""], "a whole number"),
        (["--executions", "1000000000"], "a whole number from 1 to 99999"),
        (["--executions", "1.5"], "a whole number"),
        (["--concurrency", "0"], "a whole number from 1"),
        (["--max-runtime", "9999999"], "a whole number from 1 to 2419200"),
        (["--capture-timeout", "nan"], "a whole number"),
        (["--capture-percentage", "1_0"], "a whole number from 0 to 100"),
        (["--validation-share", "nan"], "a number between 0 and 1"),
        (["--validation-share", "0_0.5"], "a number between 0 and 1"),
        (["--validation-share", "1e-999"], "a number between 0 and 1"),
        (["--learning-rate", "nan"], "a number above 0"),
        (["--learning-rate", "inf"], "a number above 0"),
        (["--learning-rate", "-0.1"], "a number above 0"),
        (["--mini-batch-size", "1"], "a whole number from 2"),
        (["--epochs", "1_0"], "a whole number"),
        (["--image-uri", "scones:1"], "the URI of an image in ECR"),
        (["--image-uri", "docker.io/library/scones:1"], "the URI of an image in ECR"),
        (["--instances", "0"], "a number of instances from 1 to 1000, or MIN-MAX such as 1-4"),
        (["--instances", "4-2"], "a number of instances"),
        (["--instances", "1-"], "a number of instances"),
        (["--instances", "1-4-6"], "a number of instances"),
        (["--instances", "1001"], "a number of instances"),
        (["--instances", "two"], "a number of instances"),
        (["--expires-in", "0h"], "a time from 15m to 365d"),
        (["--expires-in", "14m"], "a time from 15m to 365d"),
        (["--expires-in", "366d"], "a time from 15m to 365d"),
        (["--expires-in", "8"], "a time from 15m to 365d such as 30m, 8h or 3d, or never"),
        (["--expires-in", "1.5h"], "a time from 15m to 365d such as 30m, 8h or 3d, or never"),
        (["--expires-in", "-8h"], "a time from 15m to 365d such as 30m, 8h or 3d, or never"),
        (["--expires-in", ""], "a time from 15m to 365d such as 30m, 8h or 3d, or never"),
        (["--stack-name", ""], "a stack's name"),
        (["--stack-name", "../../x"], "a stack's name"),
        (["--stack-name", "1st"], "a stack's name"),
        (["--stack-name", "a\n"], "a stack's name"),
        (["--stack-name", "a" * 129], "a stack's name"),
        (["--classes", "a,,b"], "a list of names"),
        (["--classes", "a,"], "a list of names"),
        (["--classes", ""], "a list of names"),
        (["--instance-type", "m5.large"], "a SageMaker instance type such as ml.m5.large"),
        (["--endpoint-instance-type", "large"], "a SageMaker instance type"),
        (["--hyperparameter", "epochs"], "NAME=VALUE"),
    ],
)
def test_a_value_outside_of_them_is_refused_with_what_is_wanted(
    words: list[str], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse([f"{words[0]}={words[1]}"])
    assert caught.value.code == 2
    *_, sentence = capsys.readouterr().err.splitlines()
    assert f"argument {words[0]}: " in sentence and f"is not {wanted}" in sentence
    assert len(sentence) < 250


def test_names_of_classes_are_stripped() -> None:
    assert options_for(StageOptions, parse(["--classes", " a , b c"])).classes == ("a", "b c")


@pytest.mark.parametrize("name", DERIVED_HYPERPARAMETERS)
def test_what_follows_from_the_photos_cannot_be_chosen(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["train", "--hyperparameter", f"{name}=3"])
    assert f"{name} follows from the photos" in capsys.readouterr().err


def test_the_names_that_follow_from_the_photos_are_those_that_train_sends() -> None:
    assert tuple(required_hyperparameters(DATASET)) == DERIVED_HYPERPARAMETERS


def test_a_name_typed_in_a_terminal_without_utf_8_is_read() -> None:
    assert options_for(StageOptions, parse(["--classes", "v\udcc3\udca9lo,b"])).classes == ("v\u00e9lo", "b")


def test_a_name_that_is_no_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--classes", "\udcff,b"])
    assert "is not UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "lifetime"),
    [
        ([], timedelta(hours=8)),
        (["--expires-in", "30m"], timedelta(minutes=30)),
        (["--expires-in", "3d"], timedelta(days=3)),
        (["--expires-in", "never"], None),
    ],
)
def test_an_endpoint_lives_for_a_time_or_for_ever(words: list[str], lifetime: timedelta | None) -> None:
    assert options_for(DeployOptions, parse(["deploy", *words])).expires_in == lifetime


@pytest.mark.parametrize(("words", "instances"), [([], (1, 1)), (["3"], (3, 3)), (["1-4"], (1, 4)), (["2-2"], (2, 2))])
def test_instances_are_a_number_or_a_range(words: list[str], instances: tuple[int, int]) -> None:
    given = ["--instances", *words] if words else []
    assert options_for(DeployOptions, parse(["deploy", *given])).instances == instances


def test_a_directory_may_begin_with_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make run ARGS="--images ~/photos"` and `--images=~/photos` come here as they were typed."""
    monkeypatch.setenv("HOME", "/home/someone")
    given = ["~/photos", "photos", "/a b/~", "~no-such-user-anywhere/photos"]
    read = [options_for(StageOptions, parse(["stage", f"--images={path}"])).images for path in given]
    assert read == ["/home/someone/photos", *given[1:]]
