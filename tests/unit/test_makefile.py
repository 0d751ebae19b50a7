"""The Makefile in a copy of its own: nothing is installed, pip is replaced by a program that only ends."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE_FROM = ("pyproject.toml", "constraints.txt")

# A Python that makes environments with itself in them, and whose pip only ends with an exit code.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    *"pip "*install*) exit {exit_code} ;;
esac
"""
OLD_PYTHON = """#!/bin/sh
exec {python} -c "import sys; sys.version_info = (3, 9); $2"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory with a space in its name that holds what the Makefile needs, but no installation."""
    checkout = tmp_path / "a checkout"
    (checkout / "scripts").mkdir(parents=True)
    for name in ("Makefile", *MADE_FROM, "scripts/install_pytorch.py"):
        shutil.copy(ROOT / name, checkout / name)
    return checkout


def make(checkout: Path, *arguments: str, status: int = 0) -> str:
    """Run make as from a shell and return what it prints, also when a make of ours started the tests."""
    shell = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    done = subprocess.run(["make", *arguments], cwd=checkout, env=shell, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def install(checkout: Path, pip_exit_code: int = 0) -> None:
    python = write_program(checkout / "python", FAKE_PYTHON.format(exit_code=pip_exit_code))
    make(checkout, "install", f"PYTHON={python}", status=2 if pip_exit_code else 0)


def write_program(path: Path, program: str) -> Path:
    path.write_text(program)
    path.chmod(0o755)
    return path


def test_make_alone_shows_every_target() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [line.split()[0] for line in make(ROOT).splitlines()] == targets


def test_an_installation_that_failed_is_repeated(checkout: Path) -> None:
    install(checkout, pip_exit_code=1)
    assert (checkout / ".venv").exists()
    assert "pip" in make(checkout, "--dry-run", "test")


def test_an_installation_that_succeeded_is_not_repeated(checkout: Path) -> None:
    install(checkout)
    assert "pip" not in make(checkout, "--dry-run", "test")


@pytest.mark.parametrize("name", MADE_FROM)
def test_changed_requirements_are_installed(checkout: Path, name: str) -> None:
    install(checkout)
    changed = (checkout / ".venv" / ".installed").stat().st_mtime + 10
    os.utime(checkout / name, (changed, changed))
    assert "pip" in make(checkout, "--dry-run", "test")


def test_a_python_that_is_too_old_is_one_sentence(checkout: Path) -> None:
    old = write_program(checkout / "old", OLD_PYTHON.format(python=sys.executable))
    assert f"{old} is older than Python 3.11" in make(checkout, "install", f"PYTHON={old}", status=2)
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("target", ["down", "clean"])
def test_stopping_and_cleaning_install_nothing(checkout: Path, target: str) -> None:
    (checkout / "runs").mkdir()
    make(checkout, target, "PYTHON=false")
    assert (checkout / "runs").exists() == (target == "down")


def test_a_run_ends_with_what_a_new_shell_needs() -> None:
    last = make(ROOT, "--dry-run", "run").splitlines()[-1]
    assert 'eval "$(localcloud env)"' in last
