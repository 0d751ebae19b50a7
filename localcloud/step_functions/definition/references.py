"""What a JSONata expression refers to, other than variables.

A field at the top level has no input to come from: the input of a state is `$states.input`. AWS refuses such an
expression (`UNSUPPORTED_JSONATA_EXPRESSION`), so a path's first step counts, and what is within it does not.
"""

from collections.abc import Iterator
from typing import Any

NOT_EVERYWHERE = ("result", "errorOutput")  # fields of $states
# Where the expressions are in a node of the parser's tree that are read at the node's own level, by its type.
CHILDREN = {
    "binary": ("lhs", "rhs"),
    "apply": ("lhs", "rhs"),
    "function": ("procedure", "arguments"),
    "partial": ("procedure", "arguments"),
    "lambda": ("body",),
    "condition": ("condition", "then", "_else"),
    "block": ("expressions",),
    "bind": ("rhs",),
    "unary": ("expression", "expressions"),
}


def references_of(node: Any) -> Iterator[str]:
    """Yield the top-level names that an expression reads, `$`, `$$`, and the fields of `$states` not known everywhere.

    Args:
        node: Of the tree that jsonata's parser returns.
    """
    kind = getattr(node, "type", None)
    if kind == "path":
        yield from references_of(node.steps[0])
        yield from field_of_states(node.steps)
    elif kind == "name":
        yield str(node.value)
    elif kind == "variable" and node.value in ("", "$"):
        yield f"${node.value}"
    else:
        for name in CHILDREN.get(str(kind), ()):
            yield from each(getattr(node, name, None))
        if kind == "unary":
            for pair in node.lhs_object or ():
                yield from each(pair)


def each(child: Any) -> Iterator[str]:
    for one in child if isinstance(child, list | tuple) else [child]:
        yield from references_of(one)


def field_of_states(steps: list[Any]) -> Iterator[str]:
    if len(steps) > 1 and steps[0].type == "variable" and steps[0].value == "states":
        if steps[1].type == "name" and steps[1].value in NOT_EVERYWHERE:
            yield f"$states.{steps[1].value}"
