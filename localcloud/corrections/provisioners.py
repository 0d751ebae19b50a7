"""What is done besides when a stack creates or updates a resource: MiniStack has one function for each of the two."""

from collections.abc import Callable
from typing import Any

Properties = dict[str, Any]
Check = Callable[[Properties], None]  # is given the properties that the resource shall have, and raises
Complete = Callable[[str, Properties, Properties], None]  # is given its physical id, its old and its new properties


def check_nothing(_: Properties) -> None:
    pass


def complete_creation(original: Callable[..., Any], complete: Complete, check: Check = check_nothing) -> Any:
    """Return MiniStack's creation of a resource between a check and what completes it; there are no old properties."""

    def create(logical_id: str, props: Properties, stack_name: str) -> Any:
        check(props)
        created = original(logical_id, props, stack_name)
        complete(created[0], {}, props)
        return created

    return create


def complete_update(original: Callable[..., Any], complete: Complete, check: Check = check_nothing) -> Any:
    """Return MiniStack's update of a resource between a check and what completes it."""

    def update(
        physical_id: str,
        old_props: Properties,
        new_props: Properties,
        stack_name: str,
        logical_id: str | None = None,
    ) -> Any:
        check(new_props)
        updated = original(physical_id, old_props, new_props, stack_name, logical_id)
        complete(updated[0], old_props, new_props)
        return updated

    return update
