"""The course of a branch: state after state, with retries and catchers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from localcloud.step_functions.expressions import ExpressionError
from localcloud.step_functions.interpreter import simple
from localcloud.step_functions.interpreter.branch import Branch
from localcloud.step_functions.interpreter.children import Siblings
from localcloud.step_functions.interpreter.documents import Document, array_of
from localcloud.step_functions.interpreter.failures import StateFailedError, data_limit_exceeded
from localcloud.step_functions.interpreter.inline_map import Iterations, items_of
from localcloud.step_functions.interpreter.results import outcome_of
from localcloud.step_functions.interpreter.retries import caught, retry_delay
from localcloud.step_functions.interpreter.tasks.task import run_task
from localcloud.step_functions.interpreter.visit import Outcome, Visit, enter, exit_state


async def run_states(branch: Branch, definition: Mapping[str, Any], document: Document, language: str) -> Document:
    """Run the states of a definition, branch or item processor, and return its output.

    A branch that has stopped in a state goes on with it.

    Raises:
        StateFailedError: A state failed, and nothing caught that.
        HistoryFullError: The execution has as many events as it may have.
    """
    following: str | None = definition["StartAt"]
    while following is not None:
        await asyncio.sleep(0)  # a loop of states must not keep the other executions from running
        if branch.visit is None:
            branch.visit = enter(branch, following, definition["States"][following], document, language)
        outcome = await run_state(branch.visit)
        branch.visit = None
        document, following = outcome.output, outcome.next
    return document


async def run_state(visit: Visit) -> Outcome:
    """Run one state until it succeeds, is caught, or fails."""
    while True:
        try:
            outcome = await perform(visit)
            break
        except ExpressionError as err:
            failure = visit.failure_of(err)
        except StateFailedError as err:
            failure = err
        delay = None if failure.is_runtime else retry_delay(visit, failure)
        if delay is None:
            outcome = catch_failure(visit, failure)
            break
        visit.kept.clear()
        visit.map_course = None
        await asyncio.sleep(delay)
    exit_state(visit, outcome)
    return outcome


async def perform(visit: Visit) -> Outcome:
    """Try a state once."""
    outcome = await PERFORMERS[visit.kind](visit)
    if outcome.output.is_too_large:
        raise data_limit_exceeded(visit.name)
    return outcome


def catch_failure(visit: Visit, failure: StateFailedError) -> Outcome:
    """Return where a catcher leads the branch.

    Raises:
        StateFailedError: No catcher matches, or what it makes of the error fails.
    """
    before = visit.branch.previous
    record_failed(visit, failure)
    try:
        outcome = None if failure.is_runtime else caught(visit, failure)
    except ExpressionError as err:
        visit.branch.previous = before
        failure, outcome = visit.failure_of(err), None
        record_failed(visit, failure)
    if outcome is None:
        raise failure
    if outcome.output.is_too_large:
        raise data_limit_exceeded(visit.name)
    visit.exit_previous = None
    return outcome


def record_failed(visit: Visit, failure: StateFailedError) -> None:
    if visit.kind in ("Map", "Parallel") and not failure.is_runtime:
        visit.branch.add(f"{visit.kind}StateFailed")
        visit.branch.state_type = None  # it has failed, so that nothing aborts it


async def run_parallel(visit: Visit) -> Outcome:
    branch, given = visit.branch, visit.arguments(visit.effective_input())
    branch.add("ParallelStateStarted")
    siblings, results = Siblings(branch), visit.kept

    async def run_branch(number: int, definition: Mapping[str, Any], child: Branch) -> None:
        work = run_states(child, definition, given, visit.language)
        results[number] = await siblings.follow(child, work)
        branch.previous = child.previous  # the Parallel state goes on from the branch that ends last

    left = [numbered for numbered in enumerate(visit.state["Branches"]) if numbered[0] not in results]
    works = [run_branch(*numbered, branch.child()) for numbered in left]
    await siblings.all(works)
    visit.exit_previous = branch.previous
    branch.add("ParallelStateSucceeded")
    return outcome_of(visit, array_of(results[number] for number in sorted(results)))


async def run_map(visit: Visit) -> Outcome:
    given, processor = visit.effective_input(), processor_of(visit.state)
    if processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
        result = await visit.branch.run.distribute(visit, given)
    else:
        result = await run_inline_map(visit, given, processor)
    visit.branch.add("MapStateSucceeded")
    return outcome_of(visit, result)


async def run_inline_map(visit: Visit, given: Document, processor: Mapping[str, Any]) -> Document:
    items, branch = items_of(visit, given), visit.branch
    branch.add("MapStateStarted", {"length": len(items)})

    async def run_item(child: Branch, document: Document) -> Document:
        return await run_states(child, processor, document, visit.language)

    results = await Iterations(visit, given, items).run(run_item)
    visit.exit_previous = branch.previous
    return array_of(results)


def processor_of(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the states that a Map state runs for each item; Iterator is its old name."""
    processor: Mapping[str, Any] = state.get("ItemProcessor") or state["Iterator"]
    return processor


PERFORMERS: dict[str, Callable[[Visit], Awaitable[Outcome]]] = {
    "Choice": simple.choose,
    "Fail": simple.fail,
    "Map": run_map,
    "Parallel": run_parallel,
    "Pass": simple.pass_on,
    "Succeed": simple.succeed,
    "Task": run_task,
    "Wait": simple.wait,
}
