"""The package must run alone in a container, and each program must load only what it needs."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import training.algorithm

MODULES = sorted(Path(training.algorithm.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_nothing_else_of_the_project_is_imported(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level <= 1, f"{module.name} imports from outside the package"
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        assert not any(name.split(".")[0] in ("training", "localcloud", "functions") for name in names)


@pytest.mark.parametrize(
    ("program", "foreign"), [("serve", ("torch", "onnx")), ("train", ("onnxruntime", "algorithm.serve"))]
)
def test_programs_run_alone_and_load_no_more_than_they_need(
    program: str, foreign: tuple[str, ...], tmp_path: Path
) -> None:
    shutil.copytree(MODULES[0].parent, tmp_path / "algorithm")
    code = f"import sys, algorithm.{program}; print(*[name for name in {foreign!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, "")


@pytest.mark.parametrize("arguments", [[], ["fit"], ["train", "now"]])
def test_wrong_usage(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "training.algorithm", *arguments]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (2, "usage: python -m algorithm train|serve\n")
