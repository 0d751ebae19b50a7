"""The Lambda functions as they are written: which there are, what each defines and raises."""

import ast
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
WORKFLOW = ["classify_image", "filter_inferences", "serialize_image_data"]  # the others serve batches and uploads


def camel_case(folder: str) -> str:
    first, *rest = folder.split("_")
    return first + "".join(word.capitalize() for word in rest)


def definitions(folder: str) -> dict[str, str]:
    """Return the source of each function, class and variable that a Lambda function defines, by name."""
    source = (ROOT / "functions" / folder / "app.py").read_text()
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = ast.get_source_segment(source, node) or ""
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = ast.get_source_segment(source, node) or ""
    return found


def error_classes(folder: str) -> set[str]:
    """Return the exceptions that a function declares."""
    return {name for name in definitions(folder) if name.endswith("Error")}


def retried_errors(state: dict[str, Any]) -> set[str]:
    return {name for retry in state.get("Retry", []) for name in retry["ErrorEquals"]}


def function(folder: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module of a Lambda function, with the settings it needs to be imported."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    spec = importlib.util.spec_from_file_location(folder, ROOT / "functions" / folder / "app.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
