"""Functions and state machines get no role that the caller may not pass, or that their service may not assume."""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json

from localcloud import identity

LAMBDA = "The role defined for the function cannot be assumed by Lambda."
STEP_FUNCTIONS = (
    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the "
    "provided role."
)


class RefusedRoleError(Exception):
    """When a stack gives a resource a role that is refused; the message is the status reason."""


def is_assumable(role_arn: str, service: str) -> bool:
    """Return whether a service, by its global or its regional principal, may assume a role of the caller's account."""
    if identity.account_of(role_arn) != identity.account_id():
        return False
    principals = (f"{service}.amazonaws.com", f"{service}.{identity.region()}.amazonaws.com")
    return any(identity.role_trusts(role_arn, principal) for principal in principals)


def is_role(value: object) -> bool:
    """Return whether a value looks like a role's ARN; MiniStack refuses others in its own words."""
    return isinstance(value, str) and value.count(":") == 5 and ":role/" in value


def create_function(original: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def create(data: dict[str, Any]) -> Any:
        return lambda_refusal(data) or original(data)

    return create


def update_function(original: Callable[[str, dict[str, Any]], Any]) -> Callable[[str, dict[str, Any]], Any]:
    def update(name: str, data: dict[str, Any]) -> Any:
        return lambda_refusal(data) or original(name, data)

    return update


def lambda_refusal(data: dict[str, Any]) -> Any:
    """Return Lambda's answer to a request with a role that is refused, None when it is not or none is given."""
    if not is_role(data.get("Role")):
        return None
    if denied := identity.denial_of_caller(identity.pass_role(data["Role"], "lambda.amazonaws.com")):
        return error_response_json(denied.code, denied.message, 403)
    if not is_assumable(data["Role"], "lambda"):
        return error_response_json("InvalidParameterValueException", LAMBDA, 400)
    return None


def create_state_machine(original: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Also for UpdateStateMachine, whose parameter is the same."""

    def create_or_update(data: dict[str, Any]) -> Any:
        return step_functions_refusal(data) or original(data)

    return create_or_update


def step_functions_refusal(data: dict[str, Any]) -> Any:
    """Return Step Functions' answer to a request with a role that is refused, None when it is not or none is given."""
    if not is_role(data.get("roleArn")):
        return None
    if denied := identity.denial_of_caller(identity.pass_role(data["roleArn"], "states.amazonaws.com")):
        return error_response_json(denied.code, denied.message, 400)
    if not is_assumable(data["roleArn"], "states"):
        return error_response_json("AccessDeniedException", STEP_FUNCTIONS, 400)
    return None


def create_function_of_stack(original: Callable[..., Any]) -> Callable[..., Any]:
    return checked(original, "Role", "lambda", LAMBDA)


def create_state_machine_of_stack(original: Callable[..., Any]) -> Callable[..., Any]:
    return checked(original, "RoleArn", "states", STEP_FUNCTIONS)


def checked(original: Callable[..., Any], member: str, service: str, sentence: str) -> Callable[..., Any]:
    """Return what creates a stack's resource, which fails unless the service may assume its role.

    Whether the caller may pass the role, `stack_permissions` asks.
    """

    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        role = str(props.get(member))
        if is_role(role) and not is_assumable(role, service):
            raise RefusedRoleError(sentence)
        return original(logical_id, props, stack_name)

    return create
