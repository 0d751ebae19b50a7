"""The course of a Distributed Map: read the items, run the children, write the results."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from localcloud.step_functions.execution import services
from localcloud.step_functions.expressions import ExpressionError
from localcloud.step_functions.interpreter.branch import Branch
from localcloud.step_functions.interpreter.documents import Document
from localcloud.step_functions.interpreter.failures import RUNTIME, StateFailedError, data_limit_exceeded
from localcloud.step_functions.interpreter.inline_map import items_of, max_concurrency
from localcloud.step_functions.interpreter.visit import Visit
from localcloud.step_functions.loop import file_threads
from localcloud.step_functions.maps import registry
from localcloud.step_functions.maps.batches import Inputs, batched, single
from localcloud.step_functions.maps.children import Children
from localcloud.step_functions.maps.formats import ItemReaderError
from localcloud.step_functions.maps.leftovers import KEPT, Leftovers
from localcloud.step_functions.maps.map_run import MapRun
from localcloud.step_functions.maps.plan import Plan, sourced
from localcloud.step_functions.maps.readers import STATE_DATA, SourcedItem, read_s3
from localcloud.step_functions.maps.results import COMPACT, Collected
from localcloud.step_functions.maps.spool import Spool
from localcloud.step_functions.maps.writer import ResultWriterError, Writer

READER_FAILED = "States.ItemReaderFailed"
WRITER_FAILED = "States.ResultWriterFailed"
PERMISSIONS = "States.Permissions"

Result = TypeVar("Result")


async def distribute(visit: Visit, given: Document) -> Document:
    """Run a Distributed Map and return its result; after a redrive, run what had not succeeded.

    Raises:
        StateFailedError: The dataset cannot be read, the results cannot be written, or too many items failed.
    """
    if visit.map_course is None:
        started = begin(visit, given)
        work = started.run
    else:
        started = visit.map_course
        started.map_run.start_again()
        told = {"mapRunArn": started.map_run.arn, "redriveCount": started.map_run.redrives}
        visit.branch.add("MapRunRedriven", told)
        work = started.run_again
    try:
        result = await stoppable(visit.branch, work())
    except asyncio.CancelledError:
        started.map_run.end("ABORTED")
        raise
    except (ExpressionError, StateFailedError) as err:
        raise failed(visit, started.map_run, err) from err
    started.map_run.end("SUCCEEDED")
    visit.exit_previous = visit.branch.add("MapRunSucceeded")
    return result


def begin(visit: Visit, given: Document) -> "Course":
    """Record the start of a Map Run, and return its course."""
    plan = Plan(visit, given)
    concurrency = max_concurrency(visit, given)
    items = None if plan.reader else items_of(visit, given)
    visit.branch.add("MapStateStarted", {"length": len(items or ())})
    visit.map_course = Course(plan, map_run_of(plan, concurrency), items, plan.most_items())
    registry.add(visit.map_course.map_run)
    visit.branch.add("MapRunStarted", {"mapRunArn": visit.map_course.map_run.arn})
    started: Course = visit.map_course
    return started


def map_run_of(plan: Plan, concurrency: int) -> MapRun:
    context = plan.visit.branch.run.context
    label = plan.visit.state.get("Label")
    count, percentage = plan.tolerance()
    run = MapRun(context["Execution"]["Id"], context["StateMachine"]["Id"], label or "", concurrency, count, percentage)
    run.label = label or run.id
    return run


async def stoppable(branch: Branch, work: Any) -> Document:
    """Await the work; when it is stopped, the Map Run's event comes before that of the execution."""

    def record() -> None:
        branch.add_aside("MapRunAborted")

    branch.run.before_stop.append(record)
    try:
        result: Document = await work
    except asyncio.CancelledError:
        record()  # of no effect when the execution has ended
        raise
    finally:
        branch.run.before_stop.remove(record)
    return result


def failed(visit: Visit, run: MapRun, err: ExpressionError | StateFailedError) -> StateFailedError:
    """Record that a Map Run has failed, and return with what the state fails."""
    failure = visit.failure_of(err) if isinstance(err, ExpressionError) else err
    told = {"error": failure.error, "cause": failure.cause}
    visit.branch.add("MapRunFailed", {name: value for name, value in told.items() if value is not None})
    run.end("FAILED")
    return failure


class Course:
    """One Map Run from its first item to its last result."""

    def __init__(self, plan: Plan, run: MapRun, items: list[Any] | None, most_items: int) -> None:
        """Take the items of the state's input, None where an ItemReader gives them."""
        self.map_run = run
        self._plan = plan
        self._given = items
        self._most_items = most_items
        self._role_arn = plan.visit.branch.run.role_arn
        self._region = run.execution_arn.split(":")[3]
        self._collected = Collected(plan.writer.get("WriterConfig", {}).get("Transformation", COMPACT))
        self._writer: Writer | None = None
        self._leftovers: Leftovers | None = None  # of the last attempt; None until the dataset has been read
        self._rest: asyncio.Task[None] | None = None  # what is still written after a stop

    async def run(self) -> Document:
        """Run all, and return the result of the state.

        Raises:
            ExpressionError, StateFailedError: The Map Run fails.
        """
        self._check_permission()
        with contextlib.ExitStack() as closing:
            spool = await self._read()
            closing.callback(spool.close)
            self._writer = await self._writer_of_results()
            return await self._work(self._inputs(spool), closing)

    async def run_again(self) -> Document:
        """Run what has not succeeded, and return the result of the state.

        Raises:
            ExpressionError, StateFailedError: The Map Run fails.
        """
        if self._rest:
            await self._rest
        if self._leftovers is None:
            return await self.run()
        if not self._leftovers.are_kept:
            raise StateFailedError(RUNTIME, f"The local cloud keeps what is left of the last {KEPT} Map Runs only.")
        if self._writer:
            self._writer.start_again()
        with contextlib.ExitStack() as closing:
            closing.callback(self._leftovers.close)
            return await self._work(Inputs(self._leftovers.inputs()), closing)

    async def _work(self, inputs: Inputs, closing: contextlib.ExitStack) -> Document:
        """Run the children; when that fails or is stopped, keep what is left."""
        self._leftovers = Leftovers()
        try:
            await Children(self._plan, self.map_run, self._writer or self._collected, self._leftovers).run(inputs)
        except asyncio.CancelledError:
            self._rest = asyncio.get_running_loop().create_task(self._keep_rest_beside(inputs, closing.pop_all()))
            raise
        except (ExpressionError, ItemReaderError, StateFailedError) as err:
            await self._keep_rest(inputs)
            if isinstance(err, ItemReaderError):
                raise StateFailedError(READER_FAILED, str(err)) from err
            raise
        self._leftovers.close()
        return await self._result()

    async def _keep_rest_beside(self, inputs: Inputs, closing: contextlib.ExitStack) -> None:
        """Keep what is left of a Map Run that was stopped, without anybody who waits for that."""
        with closing, contextlib.suppress(ExpressionError, ItemReaderError, StateFailedError):
            await self._keep_rest(inputs)

    async def _keep_rest(self, inputs: Inputs) -> None:
        """Write the results, and what has not started, to S3 and for a redrive."""
        leftovers, writer = self._leftovers, self._writer
        assert leftovers is not None
        leftovers.keep()

        def keep() -> None:
            for given in inputs:
                leftovers.add(given)
                if writer:
                    writer.add_pending(given.text)
            if writer:
                writer.finish()

        await written(keep)

    async def _result(self) -> Document:
        if self._writer:
            return Document(await written(self._writer.finish))
        if self._collected.is_too_large:
            raise data_limit_exceeded(self._plan.visit.name)
        return Document(self._collected.output())

    def _check_permission(self) -> None:
        denial = services().denial(self._role_arn, "states:StartExecution", self.map_run.machine_arn)
        if denial is not None:
            raise StateFailedError(PERMISSIONS, denial)

    async def _read(self) -> Spool:
        """Read the whole dataset."""
        try:
            if self._given is not None:
                spool = Spool(sourced(self._given, STATE_DATA))
            else:
                spool = await in_file_thread(lambda: Spool(self._dataset()))
        except ItemReaderError as err:
            raise StateFailedError(READER_FAILED, str(err)) from err
        self.map_run.items.by_state["pending"] = spool.count
        if "ItemBatcher" not in self._plan.visit.state:
            self.map_run.children.by_state["pending"] = spool.count
        return spool

    def _dataset(self) -> Iterator[SourcedItem]:
        reader = self._plan.reader
        assert reader is not None
        if self._most_items < 0:
            raise ItemReaderError("field MaxItems must be positive")
        s3 = services().s3(self._role_arn, self._region)
        config = {**reader.get("ReaderConfig", {}), "MaxItems": self._most_items}
        return read_s3(s3, reader["Resource"], self._plan.arguments("ItemReader"), config)

    async def _writer_of_results(self) -> Writer | None:
        holder = self._plan.writer
        if "Resource" not in holder:
            return None
        s3 = services().s3(self._role_arn, self._region)
        arguments = self._plan.arguments("ResultWriter")
        writer = Writer(s3, self.map_run, arguments, holder.get("WriterConfig", {}))
        await written(writer.check)
        return writer

    def _inputs(self, spool: Spool) -> Inputs:
        batching, select = self._plan.batching(), self._plan.select
        return Inputs(single(spool, select) if batching is None else batched(spool, select, batching))


async def written(write: Callable[[], Result]) -> Result:
    """Write results in a thread of its own."""
    try:
        return await in_file_thread(write)
    except ResultWriterError as err:
        raise StateFailedError(WRITER_FAILED, str(err)) from err


async def in_file_thread(work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(file_threads(), work)
