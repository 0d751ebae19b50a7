"""Which region is taken: the given one, else samconfig.toml's, else that of the AWS settings."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.training.fakes import STACK
from training.errors import StackError
from training.region import choose_region, command_for

GUIDED = '[default.deploy.parameters]\nregion = "eu-west-1"\n'
GLOBAL = '[default.global.parameters]\nregion = "eu-west-2"\n'


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def write(text: str) -> None:
    Path("samconfig.toml").write_text(text)


def test_the_given_region_comes_first() -> None:
    write(GUIDED)
    assert choose_region("ap-southeast-2") == "ap-southeast-2"


@pytest.mark.parametrize(
    ("text", "region"),
    [
        (GUIDED, "eu-west-1"),
        (GLOBAL, "eu-west-2"),
        (GLOBAL + GUIDED, "eu-west-1"),
        ('[local.deploy.parameters]\nregion = "eu-west-1"\n', "eu-central-1"),
        ('version = 0.1\n[default.deploy.parameters]\nregion = ""\n', "eu-central-1"),
    ],
)
def test_samconfig_comes_before_the_settings(text: str, region: str) -> None:
    write(text)
    assert choose_region(None) == region


def test_without_samconfig_the_settings_decide() -> None:
    assert choose_region(None) == "eu-central-1"


def test_without_any_it_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert choose_region(None) == "us-east-1"


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "us-east-1"])
def test_every_partition_has_regions(region: str) -> None:
    assert choose_region(region) == region


def test_an_unknown_region_is_answered_with_the_nearest() -> None:
    with pytest.raises(StackError) as caught:
        choose_region("eu-wset-1")
    assert str(caught.value) == (
        "The AWS SDK knows no region 'eu-wset-1'; did you mean eu-west-1?: correct --region, SCONES_REGION, the region "
        "in samconfig.toml, or AWS_DEFAULT_REGION."
    )


@pytest.mark.parametrize(
    "text", ["[default", "default = 1", "[default]\ndeploy = 1", "[default.deploy]\nparameters = 1"]
)
def test_a_damaged_samconfig_is_one_sentence(text: str) -> None:
    write(text)
    with pytest.raises(StackError, match=r"^samconfig\.toml cannot be read \(.*\): correct it, or give --region\.$"):
        choose_region(None)


@pytest.mark.parametrize(
    ("region", "command"),
    [
        ("eu-central-1", "python training/run.py cleanup --stack-name s"),
        ("eu-west-1", "python training/run.py cleanup --stack-name s --region eu-west-1"),
    ],
)
def test_a_command_names_the_region_unless_it_is_chosen_anyway(region: str, command: str) -> None:
    assert command_for(replace(STACK, region=region), "cleanup") == command
