"""The package must run alone in a container, and each program must load only what it needs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import training.algorithm

ROOMS = sorted(Path(training.algorithm.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: path.name)
def test_nothing_else_of_the_project_is_imported(room: Path) -> None:
    for node in ast.walk(ast.parse(room.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level <= 1, f"{room.name} imports from outside the package"
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        assert not any(name.split(".")[0] in ("training", "localcloud", "functions") for name in names)


@pytest.mark.parametrize(("program", "foreign"), [("serve", "torch"), ("serve", "onnx"), ("train", "onnxruntime")])
def test_programs_do_not_load_each_others_libraries(program: str, foreign: str) -> None:
    code = f"import sys, training.algorithm.{program}; sys.exit({foreign!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_train_does_not_load_the_server() -> None:
    code = "import sys, training.algorithm.train; sys.exit('training.algorithm.serve' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("arguments", [[], ["fit"], ["train", "now"]])
def test_wrong_usage(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "training.algorithm", *arguments]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (2, "usage: python -m algorithm train|serve\n")
