"""What AWS's refusals mean: only the not-found answers say that something does not exist."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

# Error codes, and how the message begins where the code says no more than that the request was refused.
MISSING = (
    ("ValidationException", "Could not find "),  # SageMaker: models, endpoint configurations, endpoints, tags
    ("ValidationException", "Requested resource not found"),  # SageMaker: training jobs
    ("ResourceNotFound", ""),  # SageMaker
    ("ResourceNotFoundException", ""),  # CloudWatch Logs
    ("ExecutionDoesNotExist", ""),  # Step Functions
    ("ObjectNotFoundException", ""),  # Application Auto Scaling
)
DENIED = ("AccessDenied", "AccessDeniedException")
# botocore.retries.standard retries these too; one that arrives here has outlasted its attempts.
THROTTLED = (
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
)


def is_missing(err: "ClientError") -> bool:
    """Tell whether what a Describe, Get or List asked for does not exist."""
    code, message = err.response["Error"]["Code"], err.response["Error"]["Message"]
    return any(code == missing and message.startswith(beginning) for missing, beginning in MISSING)


def is_denied(err: "ClientError") -> bool:
    """Tell whether the caller lacks the permission."""
    return err.response["Error"]["Code"] in DENIED


def is_throttled(err: "ClientError") -> bool:
    """Tell whether the request came too soon and may be repeated."""
    return err.response["Error"]["Code"] in THROTTLED


@contextmanager
def throttling_ignored() -> Iterator[None]:
    """Pass over a throttled request; for a loop that repeats it after a pause."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as err:
        if not is_throttled(err):
            raise
