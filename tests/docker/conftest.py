"""What the tests that need a container engine share."""

from tests.integration.conftest import aws

__all__ = ["aws"]
