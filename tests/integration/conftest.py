"""A local cloud for the tests, on a free port.

With INTEGRATION_TARGET=account it is the AWS account of the environment, with `running` the local cloud of it. The
tests use AWS's APIs only, so they run against each.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.support.clouds import cloud_to_test
from tests.integration.support.stacks import build_application


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the environment for AWS clients; this process has it too."""
    with cloud_to_test(tmp_path_factory.mktemp("cloud")) as variables:
        yield variables


@pytest.fixture(scope="session")
def build(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory into which the SAM CLI has built the application, once for all stacks."""
    directory = tmp_path_factory.mktemp("application") / "build"
    build_application(directory, aws)
    return directory
