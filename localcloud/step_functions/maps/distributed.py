"""The course of a Distributed Map: read the items, run the children, write the results."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from localcloud.step_functions.execution import services
from localcloud.step_functions.expressions import ExpressionError
from localcloud.step_functions.interpreter.branch import Branch
from localcloud.step_functions.interpreter.documents import Document
from localcloud.step_functions.interpreter.failures import StateFailedError, data_limit_exceeded
from localcloud.step_functions.interpreter.inline_map import items_of, max_concurrency
from localcloud.step_functions.interpreter.visit import Visit
from localcloud.step_functions.loop import file_threads
from localcloud.step_functions.maps import registry
from localcloud.step_functions.maps.batches import Inputs, batched, single
from localcloud.step_functions.maps.children import Children
from localcloud.step_functions.maps.formats import ItemReaderError
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
_writing: set[asyncio.Task[Any]] = set()  # results of Map Runs that were aborted


async def distribute(visit: Visit, given: Document) -> Document:
    """Run a Distributed Map and return its result.

    Raises:
        StateFailedError: The dataset cannot be read, the results cannot be written, or too many items failed.
    """
    plan = Plan(visit, given)
    concurrency = max_concurrency(visit, given)
    items = None if plan.reader else items_of(visit, given)
    visit.branch.add("MapStateStarted", {"length": len(items or ())})
    run, most_items = map_run_of(plan, concurrency), plan.most_items()
    registry.add(run)
    visit.branch.add("MapRunStarted", {"mapRunArn": run.arn})
    try:
        result = await stoppable(visit.branch, Course(plan, run, most_items).run(items))
    except asyncio.CancelledError:
        run.end("ABORTED")
        raise
    except (ExpressionError, StateFailedError) as err:
        raise failed(visit, run, err) from err
    run.end("SUCCEEDED")
    visit.exit_previous = visit.branch.add("MapRunSucceeded")
    return result


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

    def __init__(self, plan: Plan, run: MapRun, most_items: int) -> None:
        self._plan = plan
        self._run = run
        self._most_items = most_items
        self._role_arn = plan.visit.branch.run.role_arn
        self._region = run.execution_arn.split(":")[3]

    async def run(self, items: list[Any] | None) -> Document:
        """Run all, and return the result of the state.

        Raises:
            ExpressionError, StateFailedError: The Map Run fails.
        """
        self._check_permission()
        with contextlib.ExitStack() as closing:
            spool = await self._read(items)
            closing.callback(spool.close)
            writer = await self._writer()
            collected = Collected(self._plan.writer.get("WriterConfig", {}).get("Transformation", COMPACT))
            inputs = self._inputs(spool)
            try:
                await self._work(Children(self._plan, self._run, writer, collected), inputs, writer)
            except asyncio.CancelledError:
                if writer:
                    write_beside(writer, inputs, closing.pop_all())
                raise
            return await self._result(writer, collected)

    async def _result(self, writer: Writer | None, collected: Collected) -> Document:
        if writer:
            return Document(await written(writer.finish))
        if collected.is_too_large:
            raise data_limit_exceeded(self._plan.visit.name)
        return Document(collected.output())

    def _check_permission(self) -> None:
        denial = services().denial(self._role_arn, "states:StartExecution", self._run.machine_arn)
        if denial is not None:
            raise StateFailedError(PERMISSIONS, denial)

    async def _read(self, items: list[Any] | None) -> Spool:
        """Read the whole dataset."""
        try:
            if items is not None:
                spool = Spool(sourced(items, STATE_DATA))
            else:
                spool = await in_file_thread(lambda: Spool(self._dataset()))
        except ItemReaderError as err:
            raise StateFailedError(READER_FAILED, str(err)) from err
        self._run.items.by_state["pending"] = spool.count
        if "ItemBatcher" not in self._plan.visit.state:
            self._run.children.by_state["pending"] = spool.count
        return spool

    def _dataset(self) -> Iterator[SourcedItem]:
        reader = self._plan.reader
        assert reader is not None
        if self._most_items < 0:
            raise ItemReaderError("field MaxItems must be positive")
        s3 = services().s3(self._role_arn, self._region)
        config = {**reader.get("ReaderConfig", {}), "MaxItems": self._most_items}
        return read_s3(s3, reader["Resource"], self._plan.arguments("ItemReader"), config)

    async def _writer(self) -> Writer | None:
        holder = self._plan.writer
        if "Resource" not in holder:
            return None
        s3 = services().s3(self._role_arn, self._region)
        arguments = self._plan.arguments("ResultWriter")
        writer = Writer(s3, self._run, arguments, holder.get("WriterConfig", {}))
        await written(writer.check)
        return writer

    def _inputs(self, spool: Spool) -> Inputs:
        batching, select = self._plan.batching(), self._plan.select
        return Inputs(single(spool, select) if batching is None else batched(spool, select, batching))

    async def _work(self, children: Children, inputs: Inputs, writer: Writer | None) -> None:
        """Run the children; when that fails, the results so far are written, too."""
        try:
            await children.run(inputs)
        except (ExpressionError, ItemReaderError, StateFailedError) as err:
            if writer:
                await write_rest(writer, inputs)
            if isinstance(err, ItemReaderError):
                raise StateFailedError(READER_FAILED, str(err)) from err
            raise


async def write_rest(writer: Writer, inputs: Inputs) -> None:
    """Write the results and what has not started."""

    def write() -> None:
        for one in inputs:
            writer.add_pending(one.text)
        writer.finish()

    await written(write)


def write_beside(writer: Writer, inputs: Inputs, closing: contextlib.ExitStack) -> None:
    """Write the results of a Map Run that was stopped, without anybody who waits for that."""

    async def write() -> None:
        with closing, contextlib.suppress(ExpressionError, StateFailedError):
            await write_rest(writer, inputs)

    task = asyncio.get_running_loop().create_task(write())
    _writing.add(task)
    task.add_done_callback(_writing.discard)


async def written(write: Callable[[], Result]) -> Result:
    """Write results in a thread of its own."""
    try:
        return await in_file_thread(write)
    except ResultWriterError as err:
        raise StateFailedError(WRITER_FAILED, str(err)) from err


async def in_file_thread(work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(file_threads(), work)
