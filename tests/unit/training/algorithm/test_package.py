"""The package must run alone in a container, and each program must load only what it needs."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import training.algorithm
from training.algorithm.package import write_package

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


def test_a_model_s_directory_starts_its_own_code(tmp_path: Path) -> None:
    """As AWS's PyTorch image does it: bash reads BASH_ENV, then the start script evaluates the argument `serve`."""
    model = tmp_path / "a place" / "model"
    write_package(model)
    write_package(model)  # a job may be run again in the same directory
    start = ["bash", "-c", 'eval "$@"', "start_with_right_hostname.sh", "serve"]
    path = f"{Path(sys.executable).parent}:{os.defpath}"
    environment = {
        "PATH": path,
        "BASH_ENV": str(model / "code" / "container.sh"),
        "SAGEMAKER_BASE_DIR": str(tmp_path / "ml"),
    }
    run = subprocess.run(start, cwd=tmp_path, env=environment, capture_output=True, text=True)
    sentence = f"{tmp_path}/ml/model/model.onnx is missing: serving needs the model of a training job.\n"
    assert (run.returncode, run.stderr) == (1, sentence)


def test_the_package_in_a_model_is_this_one(tmp_path: Path) -> None:
    write_package(tmp_path)
    copied = {path.name: path.read_bytes() for path in (tmp_path / "code" / "algorithm").iterdir()}
    assert copied == {path.name: path.read_bytes() for path in MODULES}
