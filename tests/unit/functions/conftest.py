"""Load the functions as Lambda does: each folder's app.py alone."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

FUNCTIONS = Path(__file__).parents[3] / "functions"
BUCKET = "photos"


@pytest.fixture
def load(mocked_aws: None) -> Callable[[str], ModuleType]:
    def load_app(folder: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"{folder}_app", FUNCTIONS / folder / "app.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_app


@pytest.fixture
def bucket(mocked_aws: None) -> Any:
    """Create a versioned bucket named `photos`."""
    bucket = boto3.resource("s3").create_bucket(Bucket=BUCKET)
    bucket.Versioning().enable()
    return bucket


@pytest.fixture(params=["bare", "body", "body as JSON", "nested three times"])
def wrap(request: pytest.FixtureRequest) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Wrap an event in each of the ways in which workflows of this kind pass it to the next function."""
    ways: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "bare": lambda event: event,
        "body": lambda event: {"statusCode": 200, "body": event},
        "body as JSON": lambda event: {"statusCode": 200, "body": json.dumps(event)},
        "nested three times": lambda event: {"body": json.dumps({"body": {"body": json.dumps(event)}})},
    }
    return ways[request.param]
