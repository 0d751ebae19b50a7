"""Names, ARNs and sizes of a request, which AWS checks in its own words before anything else."""

import re
from typing import Any

from localcloud import identity
from localcloud.sagemaker.errors import ServiceError
from localcloud.step_functions.definition import LONGEST_DEFINITION

LONGEST_NAME = 80  # characters
# White space, brackets, wildcards, special and control characters
# (https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html).
FORBIDDEN = re.compile(r'[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U0010ffff]')
NAMED = ("CreateStateMachine", "StartExecution", "StartSyncExecution")  # the actions whose `name` is checked here
MACHINE_ARN = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:stateMachine:([^:]+)(:([^:]+))?")
EXECUTION_ARN = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:(execution|express):([^:]+):(.+)")
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
DATA_LIMIT = 262_144  # bytes of JSON in UTF-8


def check_request(action: str, params: dict[str, Any]) -> None:
    """Raise a ServiceError for a name, an ARN or a text that this action does not take."""
    if action in NAMED and isinstance(params.get("name"), str):
        check_name(params["name"])
    for member, pattern in (
        ("stateMachineArn", MACHINE_ARN),
        ("stateMachineAliasArn", MACHINE_ARN),
        ("executionArn", EXECUTION_ARN),
    ):
        if isinstance(params.get(member), str):
            check_arn(params[member], pattern)
    if isinstance(params.get("roleArn"), str) and not ROLE_ARN.fullmatch(params["roleArn"]):
        raise ServiceError("InvalidArn", f"Invalid Role Arn: '{params['roleArn']}'")
    if len(params.get("definition") or "") > LONGEST_DEFINITION:
        raise too_long("definition", f"length less than or equal to {LONGEST_DEFINITION}")
    given = params.get("input")
    if isinstance(given, str) and len(given.encode(errors="surrogatepass")) > DATA_LIMIT:
        raise too_long("input", f"size less than or equal to {DATA_LIMIT} bytes in UTF-8 encoding")


def check_name(name: str) -> None:
    if not 1 <= len(name) <= LONGEST_NAME or FORBIDDEN.search(name):
        raise ServiceError("InvalidName", f"Invalid Name: '{name}'")


def check_arn(arn: str, pattern: re.Pattern[str]) -> None:
    if not arn.startswith("arn:"):
        raise ServiceError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")
    if not pattern.fullmatch(arn):
        raise ServiceError("InvalidArn", f"Invalid Arn: '{arn}'")


def too_long(member: str, constraint: str) -> ServiceError:
    """Return the refusal of a text that is too long to be shown in it."""
    sentence = f"Value at '{member}' failed to satisfy constraint: Member must have {constraint}"
    return ServiceError("ValidationException", f"1 validation error detected: {sentence}")


def arn(resource: str) -> str:
    """Return the ARN of a resource in the account and region of the request."""
    return f"{scope()}{resource}"


def scope() -> str:
    """Return what the ARNs of the request's account and region begin with."""
    return f"arn:aws:states:{identity.region()}:{identity.account_id()}:"


def no_machine(machine_arn: str) -> ServiceError:
    return ServiceError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{machine_arn}'")


def not_supported_by_type() -> ServiceError:
    sentence = "This operation is not supported by this type of state machine"
    return ServiceError("StateMachineTypeNotSupported", sentence)


def conflict(message: str) -> ServiceError:
    return ServiceError("ConflictException", message)


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
