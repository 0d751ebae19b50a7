"""The Makefile in a copy of its own: no installation, no network, only which commands would run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE_FROM = ("pyproject.toml", "constraints.txt")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory with a space in its name that holds what the Makefile needs, but no installation."""
    checkout = tmp_path / "a checkout"
    (checkout / "scripts").mkdir(parents=True)
    for name in ("Makefile", *MADE_FROM, "scripts/install_pytorch.py"):
        shutil.copy(ROOT / name, checkout / name)
    return checkout


def make(checkout: Path, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(["make", *arguments], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def replace_pip(checkout: Path, exit_code: int) -> str:
    """Return a Python for PYTHON=, whose environments have a Python that does nothing but exit so when pip installs."""
    fake = checkout / "python"
    fake.write_text(
        "#!/bin/sh\n"
        f'case "$*" in "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python";; *"pip "*install*) exit {exit_code};; esac\n'
    )
    fake.chmod(0o755)
    return str(fake)


def test_make_alone_shows_every_target_of_the_project() -> None:
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [line.split()[0] for line in shown.splitlines()] == targets


def test_an_installation_that_failed_is_repeated(checkout: Path) -> None:
    make(checkout, "install", f"PYTHON={replace_pip(checkout, 1)}", status=2)
    assert (checkout / ".venv").exists()
    assert "pip" in make(checkout, "--dry-run", "test")


def test_an_installation_that_succeeded_is_not_repeated(checkout: Path) -> None:
    make(checkout, "install", f"PYTHON={replace_pip(checkout, 0)}")
    assert "pip" not in make(checkout, "--dry-run", "test")


@pytest.mark.parametrize("name", MADE_FROM)
def test_changed_requirements_are_installed(checkout: Path, name: str) -> None:
    make(checkout, "install", f"PYTHON={replace_pip(checkout, 0)}")
    changed = (checkout / ".venv" / ".installed").stat().st_mtime + 10
    import os

    os.utime(checkout / name, (changed, changed))
    assert "pip" in make(checkout, "--dry-run", "test")


def test_a_python_that_is_too_old_is_one_sentence(checkout: Path) -> None:
    old = checkout / "old"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c \"import sys; sys.version_info = (3, 9); exec('''$2''')\"\n")
    old.chmod(0o755)
    assert f"{old} is older than Python 3.11" in make(checkout, "install", f"PYTHON={old}", status=2)
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("target", ["down", "clean"])
def test_stopping_and_cleaning_install_nothing(checkout: Path, target: str) -> None:
    (checkout / "runs").mkdir()
    make(checkout, target, "PYTHON=false")
    assert (checkout / "runs").exists() == (target == "down")


def test_a_run_ends_with_the_commands_that_a_new_shell_needs() -> None:
    shown = subprocess.run(["make", "--dry-run", "run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert 'source .venv/bin/activate && eval "$(localcloud env)"' in shown.splitlines()[-1].replace("$$", "$")
