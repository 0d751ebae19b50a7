"""The local cloud of the integration tests, for tests that need a container engine."""

from tests.integration.conftest import aws

__all__ = ["aws"]
