"""Pulling a container's image: which program runs in its place, and whether the role may pull it."""

from localcloud.sagemaker import roles
from localcloud.sagemaker.images import ImageNotFoundError, Program, program_for

CANNOT = (
    "ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are incorrect."
)


class PullError(Exception):
    """When an image cannot be pulled; the message is the job's FailureReason."""


def pull(image: str, role_arn: str, region: str) -> Program:
    """Return the program that runs in place of an image.

    Raises:
        PullError: There is none, or the role lacks a permission.
    """
    try:
        program = program_for(image)
    except ImageNotFoundError as err:
        raise PullError(f"{CANNOT} {err}") from err
    if missing := roles.missing_pull_action(role_arn, region, image):
        raise PullError(f"{CANNOT} The role does not have {missing} permission for {image}.")
    return program
