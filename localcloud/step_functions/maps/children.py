"""The child executions of a Map Run: as many at once as it may have, from a queue that is on disk."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

from localcloud.step_functions.execution import End, Execution, course, finish
from localcloud.step_functions.history import History
from localcloud.step_functions.interpreter.children import cancel
from localcloud.step_functions.interpreter.failures import StateFailedError
from localcloud.step_functions.loop import file_threads
from localcloud.step_functions.maps.batches import ChildInput, Inputs
from localcloud.step_functions.maps.leftovers import Leftovers
from localcloud.step_functions.maps.map_run import MapRun
from localcloud.step_functions.maps.plan import Plan
from localcloud.step_functions.maps.results import Results

# Children that run side by side. AWS lets 10,000; this machine runs a few functions at once.
MOST_AT_ONCE = 200
THRESHOLD = "States.ExceedToleratedFailureThreshold"
THRESHOLD_CAUSE = "The specified tolerated failure threshold was exceeded"


class Children:
    """Starts and ends the children of a Map Run."""

    def __init__(self, plan: Plan, run: MapRun, results: Results, leftovers: Leftovers) -> None:
        self._plan = plan
        self._run = run
        self._results = results
        self._leftovers = leftovers
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def run(self, inputs: Inputs) -> None:
        """Run a child for each input.

        Raises:
            StateFailedError: More items failed than may.
            ExpressionError, ItemReaderError: An input cannot be made.
        """
        self._run.wake = self._wake.set
        try:
            while inputs.has_more or self._tasks:
                self._check_tolerance()
                while inputs.has_more and len(self._tasks) < self._most_at_once:
                    self._start(next(inputs))
                    await asyncio.sleep(0)  # executions beside this one go on
                    self._check_tolerance()
                await self._wait_for_a_change()
            self._check_tolerance()
        finally:
            await cancel(list(self._tasks))

    @property
    def _most_at_once(self) -> int:
        return min(self._run.max_concurrency or MOST_AT_ONCE, MOST_AT_ONCE)

    def _check_tolerance(self) -> None:
        if self._run.exceeds_tolerance:
            raise StateFailedError(THRESHOLD, THRESHOLD_CAUSE)

    async def _wait_for_a_change(self) -> None:
        await self._wake.wait()
        self._wake.clear()
        if self._results.has_full_files:
            await asyncio.get_running_loop().run_in_executor(file_threads(), self._results.write_full_files)

    def _start(self, given: ChildInput) -> None:
        child = child_of(self._plan, self._run, given)
        self._run.note_start(child, given.items)
        loop, task = asyncio.get_running_loop(), asyncio.create_task(self._follow(child, given))
        child.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        self._tasks.add(task)
        task.add_done_callback(self._note_done)

    def _note_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _follow(self, child: Execution, given: ChildInput) -> None:
        """Run a child, and keep what it gave."""
        try:
            await course(child)
        finally:
            finish(child, End("ABORTED"))  # of no effect unless it was cancelled
            self._run.note_end(child)
            self._results.add(given.number, child)
            if child.status != "SUCCEEDED":
                self._leftovers.add(given)


def child_of(plan: Plan, run: MapRun, given: ChildInput) -> Execution:
    """Return the execution of a child, which has not started."""
    processor: Mapping[str, Any] = plan.visit.state.get("ItemProcessor") or plan.visit.state["Iterator"]
    kind = processor["ProcessorConfig"].get("ExecutionType", "STANDARD")
    name, prefix = str(uuid.uuid4()), ":".join(run.execution_arn.split(":")[:5])
    machine = run.child_machine_arn.rsplit(":", 1)[-1]
    is_express = kind == "EXPRESS"
    resource = f"express:{machine}:{name}:{uuid.uuid4()}" if is_express else f"execution:{machine}:{name}"
    return Execution(
        arn=f"{prefix}:{resource}",
        name=name,
        machine_arn=run.child_machine_arn,
        role_arn=plan.visit.branch.run.role_arn,
        kind=kind,
        definition={"QueryLanguage": plan.visit.language, **processor},
        input=given.text,
        map_run_arn=run.arn,
        logging=dict(plan.visit.branch.run.logging),
        history=History(limit=None) if is_express else History(),
    )
