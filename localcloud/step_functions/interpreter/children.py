"""Branches that run side by side: the first that fails ends the others."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any

from localcloud.step_functions.interpreter.branch import Branch
from localcloud.step_functions.interpreter.failures import StateFailedError


class Siblings:
    """The branches that a Parallel or Map state of a branch runs."""

    def __init__(self, parent: Branch) -> None:
        self._parent = parent
        self._failed: tuple[Branch, StateFailedError] | None = None  # the first

    async def follow(self, child: Branch, work: Awaitable[Any]) -> Any:
        """Return what a branch gives; it is no longer a child then."""
        try:
            result = await work
        except StateFailedError as err:
            self._failed = self._failed or (child, err)
            raise
        self._parent.children.remove(child)
        return result

    async def all(self, works: Sequence[Coroutine[Any, Any, Any]]) -> None:
        """Run until all have ended, or one has failed.

        Raises:
            StateFailedError: The first failure; the other branches have been cancelled, and the parent goes on from
                the last event of the branch that failed.
        """
        tasks = [asyncio.create_task(work) for work in works]
        try:
            if tasks:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            if self._failed:
                raise self._record_failure(*self._failed)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            self._parent.children.clear()
            await cancel(tasks)

    def _record_failure(self, failed: Branch, failure: StateFailedError) -> StateFailedError:
        if not failure.is_runtime:
            for child in self._parent.children:
                child.abort(failed.previous, failed)
        self._parent.previous = failed.previous
        return failure


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
