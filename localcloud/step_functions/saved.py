"""What Step Functions keeps, as JSON, and how it is taken up again by the next process."""

import base64
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from localcloud.step_functions.execution import End, Execution, finish
from localcloud.step_functions.history import History
from localcloud.step_functions.maps import registry
from localcloud.step_functions.store import Alias, Known, Machine, Revision, Store, Version

# What an execution fails with that ran when the cloud ended.
INTERRUPTED = "States.Runtime"
INTERRUPTED_CAUSE = (
    "The local cloud ended while this execution ran: it was stopped, killed or crashed. Start the execution again."
)
PLAIN = (  # fields of an execution that are JSON
    *("arn", "name", "machine_arn", "role_arn", "kind", "input", "machine_version_arn", "machine_alias_arn"),
    *("trace_header", "map_run_arn", "status", "output", "error", "cause"),
)


def snapshot(store: Store) -> dict[str, Any]:
    """Return everything of a store, as JSON; revisions stand once each, however many executions ran them."""
    revisions: dict[str, Any] = {}

    def key_of(revision: Revision, machine_arn: str) -> str:
        key = f"{machine_arn}/{revision.id}/{revision.created}"
        if key not in revisions:
            revisions[key] = asdict(revision)
        return key

    machines = [{**vars(one), "revision": key_of(one.revision, one.arn)} for one in list(store.machines.values())]
    versions = [
        {**vars(one), "revision": key_of(one.revision, one.machine_arn)} for one in list(store.versions.values())
    ]
    executions = [
        {**saved_execution(one, store), "revision": key_of(one.revision, one.execution.machine_arn)}
        for one in store.executions
    ]
    return {
        "revisions": revisions,
        "machines": machines,
        "versions": versions,
        "aliases": [asdict(one) for one in list(store.aliases.values())],
        "tags": {arn: dict(tags) for arn, tags in list(store.tags.items())},
        "executions": executions,
        "map_runs": registry.saved(),
    }


def saved_execution(known: Known, store: Store) -> dict[str, Any]:
    execution = known.execution
    has_history = store.executions.has_history(execution)
    return {
        **{field: getattr(execution, field) for field in PLAIN},
        "started": execution.started.timestamp(),
        "stopped": execution.stopped.timestamp() if execution.stopped else None,
        "events": saved_history(execution) if has_history else None,
    }


def saved_history(execution: Execution) -> Any:
    """Return the events, packed if no more will come: thousands of histories are saved each second."""
    packed = execution.history.pack()
    if packed is None:
        return execution.history.events()
    return {"number": execution.history.last, "packed": base64.b64encode(packed).decode()}


def restore(store: Store, data: dict[str, Any]) -> None:
    """Take up what `snapshot` has returned. Executions that ran then have failed."""
    revisions = {key: Revision(**one) for key, one in data["revisions"].items()}
    for one in data["machines"]:
        store.machines[one["arn"]] = Machine(**{**one, "revision": revisions[one["revision"]]})
    for one in data["versions"]:
        store.versions[one["arn"]] = Version(**{**one, "revision": revisions[one["revision"]]})
    store.aliases.update({one["arn"]: Alias(**one) for one in data["aliases"]})
    store.tags.update(data["tags"])
    for one in data["executions"]:
        revision = revisions[one["revision"]]
        execution = restored_execution(one, revision)
        store.executions.add(execution, revision)
        if execution.status == "RUNNING":
            finish(execution, End("FAILED", error=INTERRUPTED, cause=INTERRUPTED_CAUSE))
        store.executions.note_end(execution, has_history=one["events"] is not None)
    registry.restore(data.get("map_runs", ()))  # the state of an older version has none


def restored_execution(one: dict[str, Any], revision: Revision) -> Execution:
    events = one["events"]
    return Execution(
        **{field: one[field] for field in PLAIN},
        definition=revision.parsed,
        started=datetime.fromtimestamp(one["started"], UTC),
        stopped=datetime.fromtimestamp(one["stopped"], UTC) if one["stopped"] else None,
        history=restored_history(events) if events is not None else History(limit=None),
    )


def restored_history(saved: Any) -> History:
    if isinstance(saved, list):  # that of an execution that ran, or of an older version
        return History.of_events(saved)
    return History.of_packed(base64.b64decode(saved["packed"]), saved["number"])
