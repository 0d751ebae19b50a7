"""Whether the endpoint's name is free, or this stack's."""

from botocore.exceptions import ClientError

from training.context import Context
from training.preflight.check import UNANSWERED, Check, not_checked, passed, problem
from training.refusals import is_missing


def check_owner(context: Context, name: str, subject: str) -> tuple[Check, bool]:
    """Return the check of an endpoint's name, and whether this stack has an endpoint of that name."""
    try:
        arn = context.clients.sagemaker.describe_endpoint(EndpointName=name)["EndpointArn"]
        owner = context.owner_of(arn)
    except ClientError as err:
        if is_missing(err):
            return passed(subject, f"{name} does not exist yet"), False
        return not_checked(subject, err), False
    except UNANSWERED as err:
        return not_checked(subject, err), False
    if owner == context.stack.name:
        return passed(subject, f"{name} is this stack's"), True
    finding = f"{name} was made by {f'stack {owner}' if owner else 'somebody else'}, not by stack {context.stack.name}"
    return problem(subject, finding, "deploy this stack with another EndpointName"), False
