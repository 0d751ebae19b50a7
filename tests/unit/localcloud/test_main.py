import os
import re
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcloud import __main__ as command_line
from localcloud import instances, keys, log_viewer, process


class Replaced(Exception):
    """Stands for this process becoming another program."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return a function that runs the command line in a directory of its own and returns its exit code."""

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["localcloud", "--directory", str(tmp_path), *arguments])
        return command_line.main()

    return run


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> instances.Cloud:
    """A cloud that runs as far as the command line can see."""
    keys.make(tmp_path)
    cloud = instances.Cloud(4599, os.getpid())
    monkeypatch.setattr(instances, "running", lambda _: cloud)
    monkeypatch.setattr(process, "up", lambda *_: cloud)
    monkeypatch.setattr(instances, "processes", lambda _: [psutil.Process()])
    return cloud


def test_up_says_where_the_cloud_answers(run: Any, running: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("up") == 0
    assert "http://127.0.0.1:4599" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["status", "env", "logs functions", "logs jobs", "logs endpoints"])
def test_without_a_cloud_a_command_that_needs_it_names_up(
    run: Any, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run(*command.split()) == 1
    assert capsys.readouterr().err == "error: The local cloud does not run: start it with `localcloud up`.\n"


def test_down_without_a_cloud_is_no_error(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("down") == 0
    assert capsys.readouterr().out == "The local cloud does not run.\n"


def test_status_shows_port_process_and_state(
    run: Any, running: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("status") == 0
    shown = capsys.readouterr().out
    assert "http://127.0.0.1:4599" in shown
    assert f"process    {os.getpid()}, up for " in shown
    assert str(tmp_path) in shown


def test_env_points_a_shell_at_the_cloud_and_away_from_the_account(
    run: Any, running: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://example.com")
    assert run("env") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4599" in lines
    assert {"unset AWS_PROFILE", "unset AWS_SESSION_TOKEN", "unset AWS_ENDPOINT_URL_S3"} <= set(lines)


def test_without_its_keys_a_cloud_is_one_sentence(
    run: Any, running: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    keys.keys_path(tmp_path).unlink()
    assert run("env") == 1
    assert re.fullmatch(r"error: The keys .*keys\.json cannot be read: make new .* `up`\.\n", capsys.readouterr().err)


@pytest.mark.parametrize("damage", ["", "{", "[" * 100_000, '{"port": 1}', '{"port": "x", "pid": true}', "\0\xff"])
def test_a_damaged_record_of_the_cloud_is_one_sentence(
    run: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, damage: str
) -> None:
    (tmp_path / "cloud.json").write_bytes(damage.encode("latin-1"))
    assert run("status") == 1
    told, error = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r".*cloud\.json is damaged and was set aside as cloud\.json\.damaged: `localcloud up .*", told)
    assert error == "error: The local cloud does not run: start it with `localcloud up`."


def test_an_unreadable_record_of_the_cloud_is_one_sentence(
    run: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "cloud.json").mkdir()
    assert run("status") == 1
    assert re.fullmatch(r"error: .*cloud\.json cannot be read \(Is a directory\): .*\.\n", capsys.readouterr().err)


def test_exec_becomes_the_command(run: Any, running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[Any] = []

    def execvpe(file: str, arguments: list[str], environment: dict[str, str]) -> None:
        became.append((file, arguments, environment["AWS_ENDPOINT_URL"]))
        raise Replaced

    monkeypatch.setattr(os, "execvpe", execvpe)
    with pytest.raises(Replaced):
        run("exec", "--", "aws", "s3", "ls", "--recursive")
    assert became == [("aws", ["aws", "s3", "ls", "--recursive"], "http://127.0.0.1:4599")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["exec"], "error: exec needs a command: `localcloud exec -- CMD ARG ...`.\n"),
        (["exec", "--", "no-such-program"], "error: Cannot run no-such-program: No such file or directory.\n"),
    ],
)
def test_exec_without_a_program_is_one_sentence(
    run: Any, running: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert run(*arguments) == 1
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["lgos"], "did you mean logs?"),
        (["up", "--prot", "4566"], "did you mean --port?"),
        (["logs", "job"], "did you mean jobs?"),
        (["logs", "--folow"], "did you mean --follow?"),
    ],
)
def test_a_typing_error_suggests_the_right_word(
    run: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], suggestion: str
) -> None:
    with pytest.raises(SystemExit) as exit:
        run(*arguments)
    assert exit.value.code == 2
    assert capsys.readouterr().err.strip().endswith(suggestion)


def test_logs_of_the_server_need_no_cloud(run: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    instances.log_path(tmp_path).write_text("2026-11-21 12:00:00,500 ERROR root: Out of cocoa\n")
    assert run("logs", "server") == 0
    assert capsys.readouterr().out == "server  2026-11-21 12:00:00.500  ERROR root: Out of cocoa\n"


def test_an_interrupt_is_not_a_traceback(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "up", interrupt)
    assert run("up") == 130


def test_reset_says_that_the_cloud_is_empty(run: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "cloud.log").write_text("old")
    assert run("reset") == 0
    assert not (tmp_path / "cloud.log").exists()
    assert "empty" in capsys.readouterr().out


def test_each_kind_of_log_is_a_choice_of_the_command_line() -> None:
    for kind in log_viewer.GROUPS:
        assert command_line.command_line().parse_args(["logs", kind]).kind == kind
