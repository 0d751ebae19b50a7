"""Every command in the README is one that the project understands."""

import re
import shlex
from pathlib import Path

import pytest
from samcli.cli.command import _SAM_CLI_COMMAND_PACKAGES as SAM_COMMANDS

from localcloud.__main__ import command_line as localcloud_parser
from training.arguments import parse

ROOT = Path(__file__).parents[2]


def commands() -> list[str]:
    """Return the commands of the README's shell blocks, without comments and variables set for them."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [re.sub(r'^eval "\$\((.*)\)"$', r"\1", part) for part in parts if part]


@pytest.mark.parametrize("command", commands())
def test_the_command_is_understood(command: str) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert words[1] in targets
        for word in words[2:]:
            assert word.startswith("ARGS=")
            parse(word.removeprefix("ARGS=").split())
    elif words[:2] == ["python", "training/run.py"]:
        if "--help" not in words:
            parse(words[2:])
    elif words[0] == "localcloud":
        localcloud_parser().parse_args(words[1:])
    elif words[0] == "source":
        assert words[1] == ".venv/bin/activate"
    else:
        assert words[0] == "sam"
        assert any(package.split(".")[2] == words[1] for package in SAM_COMMANDS)


def test_the_readme_gives_the_two_commands_first() -> None:
    assert commands()[:2] == ["make run", "make test"]


def tree() -> list[str]:
    """Return the paths at the start of the lines of the commented tree."""
    (block,) = re.findall(r"## What is where\n\n```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return re.findall(r"^([a-z_/.-]+)  +", block, re.MULTILINE)


@pytest.mark.parametrize("path", tree())
def test_what_the_tree_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def paths_in_contributing() -> set[str]:
    """Return the files and folders that CONTRIBUTING.md names; `<...>` stands for any name."""
    words = re.findall(r"`([^`\s]+)`", (ROOT / "CONTRIBUTING.md").read_text())
    return {word for word in words if "/" in word and not word.startswith("runs/")}


@pytest.mark.parametrize("path", sorted(paths_in_contributing()))
def test_what_contributing_names_exists(path: str) -> None:
    assert list(ROOT.glob(re.sub(r"<[^>]*>", "*", path).rstrip("/")))
