"""The program of a scheduled run: everything that it imports travels, or is installed."""

import ast
import io
import json
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from training.watch import __main__ as program
from training.watch.package import ARCHIVE, DISTRIBUTIONS, PACKAGE, read_program

BROUGHT = ("botocore", "markupsafe")  # by boto3 and by jinja2
LIST_MODULES = "import json, sys, training.watch.job as job; print(json.dumps(sorted(sys.modules)))"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory where the archive is unpacked."""
    zipfile.ZipFile(io.BytesIO(read_program("b").files[ARCHIVE])).extractall(tmp_path)
    return tmp_path


def test_equal_files_make_an_equal_archive() -> None:
    assert read_program("b") == read_program("b")


def test_the_program_runs_from_the_archive_alone(directory: Path) -> None:
    command = [sys.executable, "-m", "training.watch", str(directory / "none"), str(directory / "out" / "message")]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, env={"PATH": ""})
    assert "FileNotFoundError" in done.stderr and "settings.json" in done.stderr  # it got as far as its input
    assert f"{directory}/training/watch/job.py" in done.stderr


def test_every_library_that_the_program_imports_is_required(directory: Path) -> None:
    listed = subprocess.run(
        [sys.executable, "-c", LIST_MODULES], cwd=directory, capture_output=True, text=True, check=True
    )
    ours = [name for name in json.loads(listed.stdout) if name.partition(".")[0] == "training"]
    names = {name for module in ours for name in imported(module)} - sys.stdlib_module_names - {"training"}
    distributions = packages_distributions()
    assert {distributions[name][0].lower() for name in names} <= {*DISTRIBUTIONS, *BROUGHT}


def imported(module: str) -> set[str]:
    """Return the first parts of what a module imports, but for its annotations."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    nodes = [node for node in ast.walk(tree) if id(node) not in guarded]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names}


def test_only_what_is_missing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    program.install(program.missing(["numpy==0.1", "no-such-package==1.0"]))
    program.install(program.missing(["numpy==0.1"]))
    assert [command[-1] for command in commands] == ["no-such-package==1.0"]
