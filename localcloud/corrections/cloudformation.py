"""Corrections of MiniStack's CloudFormation."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from ministack.services import cloudformation, lambda_svc, s3

from localcloud.corrections import roles
from localcloud.corrections.provisioners import Properties, complete_creation, complete_update

INTERRUPTED = "The local cloud ended while this ran: it was stopped, killed or crashed. Send the request again."
RESERVED = "ReservedConcurrentExecutions"


class DeleteFailedError(Exception):
    """When a resource of a stack cannot be deleted; the message is its status reason."""


class InvalidBucketNameError(Exception):
    """When S3 would not take the name of a stack's bucket; the message is its status reason."""


def refuse_invalid_bucket_names(original: Callable[..., Any]) -> Callable[..., Any]:
    """Create a stack's bucket only under a name that S3 takes."""

    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        name = str(props.get("BucketName") or "")
        if problem := bucket_name_problem(name):
            raise InvalidBucketNameError(problem)
        return original(logical_id, props, stack_name)

    return create


def bucket_name_problem(name: str) -> str | None:
    """Return CloudFormation's sentence about a bucket's name, None when it fits or CloudFormation makes one up."""
    if not name or s3._validate_bucket_name(name):
        return None
    if name != name.lower():
        return "Bucket name should not contain uppercase characters"
    if not 3 <= len(name) <= 63:
        return "Bucket name should be between 3 and 63 characters long"
    return "The specified bucket is not valid. (Service: S3, Status Code: 400)"


def delete_empty_buckets_only(original: Callable[..., None]) -> Callable[..., None]:
    """Delete a stack's bucket as S3's own DeleteBucket does: only when it is empty, and its files too."""

    def delete(physical_id: str, props: dict[str, Any]) -> None:
        status, _, body = s3._delete_bucket(physical_id)
        if status == 409:
            raise DeleteFailedError(
                f"{ElementTree.fromstring(body).findtext('Message')} (Service: S3, Status Code: 409)"
            )

    return delete


def create_functions(original: Callable[..., Any]) -> Callable[..., Any]:
    """Create functions with a role that Lambda may be given, and the concurrency that their template reserves."""
    return roles.create_function_of_stack(reserve_concurrency(original))


def reserve_concurrency(original: Callable[..., Any]) -> Any:
    return complete_creation(original, keep_reservation)


def reserve_concurrency_of_updated_functions(original: Callable[..., Any]) -> Any:
    """Change the reserved concurrency of a stack's function where its template changes it."""
    return complete_update(original, keep_reservation)


def keep_reservation(function: str, old_props: Properties, new_props: Properties) -> None:
    if RESERVED in new_props:
        lambda_svc._put_function_concurrency(function, {RESERVED: int(new_props[RESERVED])})
    elif RESERVED in old_props:
        lambda_svc._delete_function_concurrency(function)


def end_interrupted(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """Fail the operations that ran when the cloud ended: a stack is then created, updated or deleted again."""

    def restore_state(data: Any) -> None:
        original(data)
        for stack in cloudformation._stacks._data.values():
            operation, _, rest = stack["StackStatus"].partition("_")
            if rest.endswith("IN_PROGRESS") and operation != "REVIEW":
                kind = operation if operation in ("CREATE", "DELETE") else "UPDATE"
                stack.update(StackStatus=f"{kind}_FAILED", StackStatusReason=INTERRUPTED)

    return restore_state
