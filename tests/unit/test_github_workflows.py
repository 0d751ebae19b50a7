"""The workflow that deploys has no stored key, waits for approval, and runs commands that ask nobody."""

import importlib
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / ".github/workflows/deploy.yml").read_text()
MODULES = {"build": "build.command", "deploy": "deploy.command", "validate": "validate.validate"}


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml_parse(TEXT)
    return parsed


def runs(workflow: dict[str, Any]) -> list[str]:
    """Return the shell commands of the job."""
    return [step["run"] for step in workflow["jobs"]["deploy"]["steps"] if "run" in step]


def test_it_may_read_the_code_and_ask_for_a_token_only(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in TEXT


def test_every_action_is_pinned_to_a_commit() -> None:
    used = re.findall(r"uses: (.+)", TEXT)
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_the_role_trusts_the_environment_that_it_deploys_from(workflow: dict[str, Any]) -> None:
    permissions = yaml_parse((ROOT / "permissions.yaml").read_text())
    assert workflow["jobs"]["deploy"]["environment"] == permissions["Parameters"]["GitHubEnvironment"]["Default"]
    (trust,) = permissions["Resources"]["githubRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert set(trust["Condition"]["StringEquals"]) == {
        "token.actions.githubusercontent.com:aud",
        "token.actions.githubusercontent.com:sub",
    }


def test_two_deployments_do_not_meet(workflow: dict[str, Any]) -> None:
    assert workflow["concurrency"] == {"group": "deploy", "cancel-in-progress": False}


def test_what_a_variable_says_is_no_command(workflow: dict[str, Any]) -> None:
    assert [command for command in runs(workflow) if "${{" in command] == []


def test_its_commands_have_the_options_that_they_are_given(
    workflow: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "docker", raising=False)  # which localcloud.server keeps out of its process
    given = re.findall(r"^ *sam (\w+)((?:.|\\\n)*)$", "\n".join(runs(workflow)), re.MULTILINE)
    assert [command for command, _ in given] == ["validate", "build", "deploy"]
    for command, text in given:
        sam: Any = importlib.import_module(f"samcli.commands.{MODULES[command]}").cli
        known = {name for option in sam.params for name in (*option.opts, *option.secondary_opts)}
        options = re.findall(r"--[a-z-]+", text)
        assert set(options) <= known, command


def test_deploying_asks_nobody(workflow: dict[str, Any]) -> None:
    words = shlex.split(runs(workflow)[-1])
    assert {"--no-confirm-changeset", "--no-fail-on-empty-changeset"} <= set(words)
    assert "--guided" not in words
