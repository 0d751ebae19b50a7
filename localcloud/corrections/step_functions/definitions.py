"""Which definitions CreateStateMachine and UpdateStateMachine refuse."""

import json
from collections.abc import Callable, Iterator
from typing import Any


def refuse_misplaced_wildcards(original: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """Refuse a definition whose States.ALL is not alone in the last retrier or catcher."""

    def validate(definition_str: Any) -> str | None:
        invalid = original(definition_str)
        misplaced = next(misplaced_wildcards(json.loads(definition_str)), None) if invalid is None else None
        if misplaced is None:
            return invalid
        problem = f"SCHEMA_VALIDATION_FAILED: States.ALL must appear alone and at end of list at {misplaced}"
        return f"Invalid State Machine Definition: '{problem}'"

    return validate


def misplaced_wildcards(node: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each retrier and catcher that names States.ALL where it may not."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        if key in ("Retry", "Catch") and isinstance(child, list):
            for number, rule in enumerate(child):
                names = rule.get("ErrorEquals", [])
                if "States.ALL" in names and (len(names) > 1 or number < len(child) - 1):
                    yield f"{path}/{key}[{number}]/ErrorEquals"
        else:
            yield from misplaced_wildcards(child, f"{path}/{key}")
