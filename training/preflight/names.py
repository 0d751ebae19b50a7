"""Whether the names that the run makes are ones that SageMaker takes."""

import re

from training.config import Stack
from training.preflight.check import Check, passed, problem
from training.provenance import LONGEST_NAME

PATTERN = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")  # SageMaker's, for all its resources
LETTERS = "letters, digits and hyphens, no hyphen first or last"


def check_names(stack: Stack) -> list[Check]:
    """Return a check for each name that others are made from."""
    return [
        check(
            "name of the training job",
            f"{stack.name}-YYYYMMDD-HHMMSS",
            stack.name,
            "deploy the stack under another name (`sam deploy --stack-name`)",
        ),
        check(
            "name of the endpoint",
            f"{stack.endpoint_name}-YYYYMMDD-HHMMSS",
            stack.endpoint_name,
            "deploy the stack with another EndpointName",
        ),
    ]


def check(subject: str, made: str, name: str, remedy: str) -> Check:
    """Return whether `name` is one from which `made` can be made, which SageMaker limits to 63 characters."""
    if len(name) > LONGEST_NAME:
        finding = f"{name} has {len(name)} characters, and at most {LONGEST_NAME} leave room for {made}"
        return problem(subject, finding, remedy)
    if not PATTERN.fullmatch(name):
        return problem(subject, f"{name} has others than {LETTERS}", remedy)
    return passed(subject, name)
