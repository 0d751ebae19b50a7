"""Our Step Functions in the place of MiniStack's module `ministack.services.stepfunctions`.

MiniStack's other modules call what has a leading underscore here: EventBridge and Pipes start executions, and
CloudFormation asks whether a state machine has drifted.
"""

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import error_response_json, json_response

from localcloud import identity
from localcloud.corrections import persistence
from localcloud.corrections.step_functions import functions, metrics, objects
from localcloud.corrections.step_functions.log_delivery import Delivery
from localcloud.sagemaker.errors import ServiceError
from localcloud.step_functions import execution as executions
from localcloud.step_functions import saved, status_events
from localcloud.step_functions.api import service as api
from localcloud.step_functions.execution import Execution
from localcloud.step_functions.maps.distributed import distribute
from localcloud.step_functions.store import Store

Reply = Any  # what MiniStack answers with: HTTP status, headers, body

logger = logging.getLogger(__name__)
publisher = ThreadPoolExecutor(1, thread_name_prefix="step-functions-events")
STORE = Store()
LOGS = Delivery()
SERVICE = api.Service(STORE, executions.start, executions.run)
_state_machines, _tags = STORE.machines, STORE.tags


def replace_module(original: ModuleType) -> ModuleType:
    """Return this module, and follow the executions from now on."""
    executions.connect(
        executions.Services(functions.invoke, distribute, objects.s3, objects.denial, functions.take_place, LOGS.write)
    )
    executions.on_change += [note_change, metrics.count_execution, publish_status]
    persistence.runs.append(STORE.executions.any_runs)
    return sys.modules[__name__]


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, list[str]]
) -> Reply:
    """Answer a request to Step Functions."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        params = json.loads(body or b"{}")
    except (ValueError, RecursionError) as err:
        return error_response_json("SerializationException", f"The request is not JSON: {err}.", 400)
    if action == api.WAITS:
        return await run_reentrant(respond, action, params, thread_name="step-functions-sync")
    return respond(action, params)


def respond(action: str, params: Any) -> Reply:
    try:
        return json_response(SERVICE.answer(action, params))
    except ServiceError as err:
        return error_response_json(err.code, str(err), err.status)


def _start_execution(data: dict[str, Any]) -> Reply:
    return respond("StartExecution", data)


def _resolve_state_machine_arn(arn: str) -> str | None:
    """Return the ARN of the state machine that an ARN leads to, of a version or an alias as well."""
    known = arn in STORE.machines or arn in STORE.versions or arn in STORE.aliases
    return ":".join(arn.split(":")[:7]) if known else None


def get_state() -> dict[str, Any]:
    return saved.snapshot(STORE)


def load_persisted_state(data: dict[str, Any]) -> None:
    saved.restore(STORE, data)


def reset() -> None:
    """Forget everything, as MiniStack's own services do when it is told to."""
    for arn in list(STORE.machines):
        for execution in STORE.remove_machine(arn):
            executions.stop(execution)


def note_change(execution: Execution) -> None:
    """Count the end of an execution, and save it although no request says so."""
    if execution.status != "RUNNING":
        STORE.executions.note_end(execution)
        persistence.changed_without_request.set()


def publish_status(execution: Execution) -> None:
    """Tell EventBridge of a Standard execution, in the order of its changes and without keeping it waiting."""
    if execution.kind == "STANDARD":
        publisher.submit(put_event, execution.arn, json.dumps(status_events.detail_of(execution)))


def put_event(arn: str, detail: str) -> None:
    from ministack.services import eventbridge

    _, _, _, region, account, *_ = arn.split(":")
    entry = {
        "Source": status_events.SOURCE,
        "DetailType": status_events.DETAIL_TYPE,
        "Detail": detail,
        "Resources": [arn],
    }
    try:
        with identity.request_scope(account, region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    except Exception:  # whatever a target of a rule meets
        logger.exception("The status of %s could not be told to EventBridge.", arn)
