"""SageMaker's error answers."""

from typing import Any


class ServiceError(Exception):
    """When a request is refused; carries AWS's error code and sentence."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.status = status  # HTTP
        self.members = members  # further members of the error's shape


def invalid(message: str) -> ServiceError:
    """Return the control plane's answer to most mistakes."""
    return ServiceError("ValidationException", message)


def not_found(kind: str, arn: str) -> ServiceError:
    """Return the control plane's answer for a missing model, endpoint configuration or endpoint."""
    return invalid(f'Could not find {kind} "{arn}".')


def already_exists(kind: str, arn: str) -> ServiceError:
    return invalid(f'Cannot create already existing {kind} "{arn}".')
