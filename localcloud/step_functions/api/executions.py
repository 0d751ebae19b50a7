"""Executions: how they start and stop, and what is told about them."""

import json
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.errors import ServiceError
from localcloud.step_functions import execution as executions
from localcloud.step_functions import logs
from localcloud.step_functions.api import aliases, names
from localcloud.step_functions.api.pages import page
from localcloud.step_functions.execution import Execution, stop, why_not_redrivable
from localcloud.step_functions.history import History
from localcloud.step_functions.maps import registry
from localcloud.step_functions.store import INITIAL, Known, Revision, Store

Parameters = dict[str, Any]
Run = Callable[[Execution], None]

MEMORY_MB = 64  # that a synchronous execution is billed for at least


@dataclass(frozen=True)
class Origin:
    """What an execution is started from: a state machine, a version or an alias."""

    machine_arn: str
    revision: Revision
    version_arn: str | None = None
    alias_arn: str | None = None


def origin_of(store: Store, arn: str) -> Origin:
    """Return what an ARN of a state machine, of a version or of an alias stands for."""
    alias, version, machine = store.aliases.get(arn), store.versions.get(arn), store.machines.get(arn)
    if alias:
        version = aliases.choose(store, alias)
    if version:
        machine = store.machines.get(version.machine_arn)
    if machine is None or not arn.startswith(names.scope()):
        raise names.no_machine(arn)
    if version is None:
        return Origin(machine.arn, machine.revision)
    return Origin(machine.arn, version.revision, version.arn, alias.arn if alias else None)


def execution_of(origin: Origin, params: Parameters) -> Execution:
    given = params.get("input", "{}")
    if problem := problem_of_json(given):
        raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{problem}'")
    name, machine_name = params.get("name") or str(uuid.uuid4()), origin.machine_arn.rsplit(":", 1)[-1]
    is_express = origin.revision.kind == "EXPRESS"
    resource = f"express:{machine_name}:{name}:{uuid.uuid4()}" if is_express else f"execution:{machine_name}:{name}"
    return Execution(
        arn=names.arn(resource),
        name=name,
        machine_arn=origin.machine_arn,
        role_arn=origin.revision.role_arn,
        kind=origin.revision.kind,
        definition=origin.revision.parsed,
        input=given,
        machine_version_arn=origin.version_arn,
        machine_alias_arn=origin.alias_arn,
        trace_header=params.get("traceHeader"),
        logging=origin.revision.logging if logs.group_of(origin.revision.logging) else {},
        history=History(limit=None) if is_express else History(),
    )


def problem_of_json(text: str) -> str | None:
    """Return why a text is not JSON, None when it is. JSON is UTF-8, so it holds a lone surrogate as an escape only."""
    try:
        text.encode()
        json.loads(text, parse_constant=refuse_constant)
    except UnicodeEncodeError:
        return "a lone surrogate is not UTF-8"
    except (ValueError, RecursionError) as err:
        return str(err)
    return None


def refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads."""
    raise ValueError(f"{name} is not JSON")


def start(store: Store, run: Run, params: Parameters) -> Parameters:
    """Start an execution. The same name and input answer again as long as the first one runs."""
    origin = origin_of(store, params["stateMachineArn"])
    execution = execution_of(origin, params)
    if execution.kind == "STANDARD" and not store.executions.add(execution, origin.revision):
        existing = store.executions.get(execution.arn)
        if existing is None or (existing.execution.input, existing.execution.status) != (execution.input, "RUNNING"):
            sentence = f"Execution Already Exists: '{execution.arn}'"
            raise ServiceError("ExecutionAlreadyExists", sentence)
        return {"executionArn": execution.arn, "startDate": existing.execution.started.timestamp()}
    run(execution)
    return {"executionArn": execution.arn, "startDate": execution.started.timestamp()}


def start_sync(store: Store, run: Run, params: Parameters) -> Parameters:
    """Run an execution of an Express state machine to its end."""
    origin = origin_of(store, params["stateMachineArn"])
    if origin.revision.kind != "EXPRESS":
        raise names.not_supported_by_type()
    execution = execution_of(origin, params)
    run(execution)
    assert execution.stopped is not None
    seconds = (execution.stopped - execution.started).total_seconds()
    billed = {"billedMemoryUsedInMB": MEMORY_MB, "billedDurationInMilliseconds": math.ceil(seconds * 10) * 100}
    described = {name: value for name, value in description(execution).items() if name not in NOT_OF_SYNC}
    return {**described, "billingDetails": billed}


NOT_OF_SYNC = ("redriveCount", "redriveStatus", "redriveStatusReason", "stateMachineVersionArn", "stateMachineAliasArn")


def find(store: Store, arn: str) -> Known:
    """Return an execution: of a state machine, or of a Map Run whose child it is."""
    if (child := registry.find_child(arn)) and child.map_run_arn and arn.startswith(names.scope()):
        run = registry.find(child.map_run_arn)
        parent = store.executions.get(run.execution_arn) if run else None
        if parent:
            return Known(child, parent.revision, parent.number)
    found = names.EXECUTION_ARN.fullmatch(arn)
    if found and found[1] == "express":
        sentence = "Invalid Arn: 'Resource type not valid in this context: express'"
        raise ServiceError("InvalidArn", sentence)
    known = store.executions.get(arn)
    if known is None or not arn.startswith(names.scope()):
        raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    return known


def stop_execution(store: Store, params: Parameters) -> Parameters:
    execution = find(store, params["executionArn"]).execution
    stop(execution, params.get("error"), params.get("cause"))
    assert execution.stopped is not None
    return {"stopDate": execution.stopped.timestamp()}


def describe(store: Store, params: Parameters) -> Parameters:
    described = description(find(store, params["executionArn"]).execution)
    if params.get("includedData") == "METADATA_ONLY":
        return {
            name: {"included": False} if name.endswith("Details") else value
            for name, value in described.items()
            if name not in ("input", "output", "error", "cause")
        }
    return described


def description(execution: Execution) -> Parameters:
    """Return what DescribeExecution tells."""
    told = {
        **summary(execution),
        "input": execution.input,
        "inputDetails": {"included": True},
        "output": execution.output,
        "outputDetails": {"included": True} if execution.output is not None else None,
        "traceHeader": execution.trace_header,
        "error": execution.error,
        "cause": execution.cause,
        **redrive_status(execution),
    }
    return {name: value for name, value in told.items() if value is not None}


def redrive_status(execution: Execution) -> dict[str, str]:
    """Return whether an execution can be redriven; a child is with its Map Run."""
    reason = why_not_redrivable(execution)
    if reason is not None:
        return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
    return {"redriveStatus": "REDRIVABLE_BY_MAP_RUN" if execution.map_run_arn else "REDRIVABLE"}


def redrive(store: Store, params: Parameters) -> Parameters:
    """Let an execution go on in the state where it ended."""
    execution = find(store, params["executionArn"]).execution
    if execution.map_run_arn is not None:
        raise ServiceError("ExecutionNotRedrivable", "Execution is redrivable by Map Run only")
    if reason := why_not_redrivable(execution):
        raise ServiceError("ExecutionNotRedrivable", reason)
    store.executions.note_redrive(execution)
    executions.redrive(execution)
    assert execution.redriven is not None
    return {"redriveDate": execution.redriven.timestamp()}


def summary(execution: Execution) -> Parameters:
    """Return what ListExecutions tells."""
    told = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started.timestamp(),
        "stopDate": execution.stopped.timestamp() if execution.stopped else None,
        "mapRunArn": execution.map_run_arn,
        "stateMachineVersionArn": execution.machine_version_arn,
        "stateMachineAliasArn": execution.machine_alias_arn,
        "redriveCount": execution.redrives,
        "redriveDate": execution.redriven.timestamp() if execution.redriven else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def list_executions(store: Store, params: Parameters) -> Parameters:
    """List executions, newest first."""
    if origin_of(store, params["stateMachineArn"]).revision.kind == "EXPRESS":
        raise names.not_supported_by_type()
    found = (one for one in store.executions.newest() if is_asked_for(one.execution, params))
    shown, token = page(found, params, lambda one: [-one.number])
    return {"executions": [summary(one.execution) for one in shown], **token}


def is_asked_for(execution: Execution, params: Parameters) -> bool:
    is_redriven = "REDRIVEN" if execution.redrives else "NOT_REDRIVEN"
    if params.get("statusFilter") not in (None, execution.status):
        return False
    if params.get("redriveFilter") not in (None, is_redriven):
        return False
    arns = (execution.machine_arn, execution.machine_version_arn, execution.machine_alias_arn)
    return params["stateMachineArn"] in arns


def describe_machine(store: Store, params: Parameters) -> Parameters:
    """Describe the state machine as it was when an execution started."""
    known = find(store, params["executionArn"])
    revision = known.revision
    described = {
        "stateMachineArn": known.execution.machine_arn,
        "name": known.execution.machine_name,
        "definition": revision.definition,
        "roleArn": revision.role_arn,
        "updateDate": revision.created,
        "loggingConfiguration": revision.logging,
        "tracingConfiguration": revision.tracing,
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    return described if revision.id == INITIAL else {**described, "revisionId": revision.id}
