"""CloudFormation creates, changes and deletes resources with the permissions of whoever sent the request."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from localcloud import identity
from localcloud.corrections.stack_rights import Properties, to_create, to_delete, to_update
from localcloud.identity import Permission


class AccessDeniedError(Exception):
    """When the caller may not do what a stack's operation does; the message is the resource's status reason."""


def check(permissions: Iterator[Permission]) -> None:
    """Refuse what the caller of the operation under way may not do.

    Raises:
        AccessDeniedError: With AWS's sentence.
    """
    for permission in permissions:
        denied = identity.denial_of_caller(permission)
        if denied is not None:
            raise AccessDeniedError(f'Resource handler returned message: "{denied.message}"')


def made_up_name(kind: str, stack_name: str, logical_id: str) -> str:
    """Return a name like the one that CloudFormation will make up, whose end is random."""
    name = f"{stack_name}-{logical_id}-xxxxxxxxxxxx"
    return name.lower() if kind == "AWS::S3::Bucket" else name


def create_with_rights(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def provision(resource_type: str, logical_id: str, props: Properties, stack_name: str) -> Any:
        check(to_create(resource_type, props, made_up_name(resource_type, stack_name, logical_id)))
        return original(resource_type, logical_id, props, stack_name)

    return provision


def update_with_rights(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def update(
        resource_type: str, physical_id: str, old_props: Properties, new_props: Properties, *rest: Any, **named: Any
    ) -> Any:
        check(to_update(resource_type, old_props, new_props, physical_id))
        return original(resource_type, physical_id, old_props, new_props, *rest, **named)

    return update


def delete_with_rights(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def delete(resource_type: str, physical_id: str, props: Properties, *rest: Any, **named: Any) -> Any:
        check(to_delete(resource_type, props, physical_id))
        return original(resource_type, physical_id, props, *rest, **named)

    return delete
