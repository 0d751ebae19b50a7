"""Inline Map: the items of an array, up to 40 at once, in the same execution."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from localcloud.step_functions.expressions import ExpressionError, jsonata, paths, templates
from localcloud.step_functions.interpreter.branch import Branch
from localcloud.step_functions.interpreter.children import Siblings
from localcloud.step_functions.interpreter.documents import Document, to_json
from localcloud.step_functions.interpreter.failures import RUNTIME
from localcloud.step_functions.interpreter.visit import Visit

MOST_AT_ONCE = 40  # https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html

RunItem = Callable[[Branch, Document], Awaitable[Document]]


class Iterations:
    """The iterations of one attempt of a Map state."""

    def __init__(self, visit: Visit, given: Document, items: list[Any]) -> None:
        self._visit = visit
        self._given = given
        self._items = items
        self._siblings = Siblings(visit.branch)
        self._results = visit.kept
        self._left = deque(index for index in range(len(items)) if index not in visit.kept)

    async def run(self, run_item: RunItem) -> list[Document]:
        """Run all and return their outputs in the order of the items.

        Raises:
            StateFailedError: An iteration failed.
        """
        first = [self._start() for _ in range(min(at_once(self._visit, self._given), len(self._left)))]
        await self._siblings.all([self._run_from(child, run_item) for child in first])
        return [self._results[index] for index in range(len(self._items))]

    def _start(self) -> Branch:
        index, parent = self._left.popleft(), self._visit.branch
        item = {"Item": {"Index": index, "Value": self._items[index]}}
        child = parent.child({"name": self._visit.name, "index": index}, item)
        child.add("MapIterationStarted", child.iteration)
        return child

    async def _run_from(self, child: Branch, run_item: RunItem) -> None:
        """Run an iteration, and then the next one in its place, until none is left."""
        while True:
            assert child.iteration is not None
            work = self._run_one(child, run_item)
            self._results[child.iteration["index"]] = await self._siblings.follow(child, work)
            parent = self._visit.branch
            succeeded = child.add_aside("MapIterationSucceeded", child.iteration)
            if not self._left:
                parent.previous = succeeded  # the Map state goes on from the iteration that ends last
                return
            parent.previous = child.previous
            child = self._start()

    async def _run_one(self, child: Branch, run_item: RunItem) -> Document:
        try:
            document = item_input(self._visit, self._given, child.item or {})
        except ExpressionError as err:
            child.state_type = None
            raise self._failure_in(child, err) from err
        return await run_item(child, document)

    def _failure_in(self, child: Branch, err: ExpressionError) -> Exception:
        """Return how the Map state fails by its ItemSelector, recorded in the iteration."""
        visit = self._visit
        before, visit.branch.previous = visit.branch.previous, child.previous
        failure = visit.failure_of(err)
        child.previous, visit.branch.previous = visit.branch.previous, before
        return failure


def items_of(visit: Visit, given: Document) -> list[Any]:
    """Return what Items or ItemsPath selects.

    Raises:
        ExpressionError: It is no array.
    """
    if visit.is_jsonata:
        template = visit.state.get("Items")
        if template is None:
            template = "{% $states.input %}"
        items: list[Any] = visit.evaluate(template, "Items", "array")
        return items
    path = visit.state.get("ItemsPath", "$")
    found = given.value if path == "$" else paths.read(path, visit.scope(given.value), "ItemsPath")
    if not isinstance(found, list):
        raise ExpressionError(RUNTIME, f'Reference path "{path}" must point to array.')
    return found


def item_input(visit: Visit, given: Document, item: Mapping[str, Any]) -> Document:
    """Return what an iteration starts with: its item, or what ItemSelector or Parameters make of it.

    Args:
        item: The Map of its context object.
    """
    context = {**visit.context, "Map": item}
    template = visit.state.get("ItemSelector", visit.state.get("Parameters"))
    if template is None:
        return Document(item["Item"]["Value"])
    if visit.is_jsonata:
        return Document(jsonata.evaluate(template, visit.bindings(context), "ItemSelector"))
    name = "ItemSelector" if "ItemSelector" in visit.state else "Parameters"
    return Document(templates.fill(template, visit.scope(given.value, context), name))


def at_once(visit: Visit, given: Document) -> int:
    """Return how many iterations may run side by side.

    Raises:
        ExpressionError: MaxConcurrency is no such number.
    """
    found = max_concurrency(visit, given)
    return min(found or MOST_AT_ONCE, MOST_AT_ONCE)


def max_concurrency(visit: Visit, given: Document) -> int:
    """Return MaxConcurrency; 0 means no limit of its own."""
    found = visit.read("MaxConcurrency", "number", given)
    path = visit.state.get("MaxConcurrencyPath")
    if found is None:
        return 0
    if isinstance(found, bool) or not isinstance(found, int):
        written = found if isinstance(found, str) else to_json(found)
        sentence = f'The MaxConcurrencyPath field refers to value "{written}" which is not a valid integer: {path}'
        raise ExpressionError(RUNTIME, sentence)
    if found < 0:
        raise ExpressionError(RUNTIME, f"Expected non-negative integer for MaxConcurrency, got '{found}' instead.")
    return found
