"""Functions get no role that the caller may not pass, or that Lambda may not assume."""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json

from localcloud import identity

LAMBDA = "The role defined for the function cannot be assumed by Lambda."


class RefusedRoleError(Exception):
    """When a stack gives a resource a role that is refused; the message is the status reason."""


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
    if not identity.is_assumable(data["Role"], "lambda"):
        return error_response_json("InvalidParameterValueException", LAMBDA, 400)
    return None


def create_function_of_stack(original: Callable[..., Any]) -> Callable[..., Any]:
    return checked(original, "Role", "lambda", LAMBDA)


def checked(original: Callable[..., Any], member: str, service: str, sentence: str) -> Callable[..., Any]:
    """Return what creates a stack's resource, which fails unless the service may assume its role.

    Whether the caller may pass the role, `stack_permissions` asks.
    """

    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        role = str(props.get(member))
        if is_role(role) and not identity.is_assumable(role, service):
            raise RefusedRoleError(sentence)
        return original(logical_id, props, stack_name)

    return create
