"""Published versions of state machines (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-version.html)."""

import time
from typing import Any

from localcloud.step_functions.api import names
from localcloud.step_functions.api.pages import page
from localcloud.step_functions.store import Machine, Store, Version

Parameters = dict[str, Any]


def publish(store: Store, params: Parameters) -> Parameters:
    arn = params["stateMachineArn"]
    machine = store.machines.get(arn)
    if machine is None or not arn.startswith(names.scope()):
        raise names.no_machine(arn)
    if params.get("revisionId", machine.revision.id) != machine.revision.id:
        raise names.conflict(
            f"Failed to publish the State Machine version for revision {params['revisionId']}. "
            f"The current State Machine revision is {machine.revision.id}."
        )
    version = publish_revision(store, machine, params.get("description", ""))
    return {"stateMachineVersionArn": version.arn, "creationDate": version.created}


def publish_revision(store: Store, machine: Machine, description: str) -> Version:
    """Return the version of the current revision, which is published once only."""
    for version in store.versions_of(machine.arn):
        if version.revision.id == machine.revision.id:
            return version
    machine.last_version += 1
    arn = f"{machine.arn}:{machine.last_version}"
    store.versions[arn] = Version(arn, machine.arn, description, time.time(), machine.revision)
    return store.versions[arn]


def list_versions(store: Store, params: Parameters) -> Parameters:
    if params["stateMachineArn"] not in store.machines:
        raise names.no_machine(params["stateMachineArn"])
    found = store.versions_of(params["stateMachineArn"])
    shown, token = page(found, params, lambda one: [-one.number])
    listed = [{"stateMachineVersionArn": one.arn, "creationDate": one.created} for one in shown]
    return {"stateMachineVersions": listed, **token}


def delete(store: Store, params: Parameters) -> Parameters:
    """Delete a version unless an alias leads to it; one that does not exist is deleted as well."""
    arn = params["stateMachineVersionArn"]
    names.check_arn(arn, names.MACHINE_ARN)
    version = store.versions.get(arn)
    if version is None:
        return {}
    leading = [
        one.name
        for one in store.aliases_of(version.machine_arn)
        if any(route["stateMachineVersionArn"] == arn for route in one.routes)
    ]
    if leading:
        raise names.conflict(
            "Version to be deleted must not be referenced by an alias. "
            f"Current list of aliases referencing this version: [{', '.join(sorted(leading))}]"
        )
    del store.versions[arn]
    return {}
