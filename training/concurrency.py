"""How many functions may run at once."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def account_concurrency(lambda_: "LambdaClient") -> int:
    """Return how many functions the account lets run at once; each photo under way runs one at a time."""
    limit: int = lambda_.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    return max(1, limit)
