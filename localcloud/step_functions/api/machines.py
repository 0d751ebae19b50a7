"""State machines: CreateStateMachine, UpdateStateMachine and what asks about them."""

import time
import uuid
from dataclasses import replace
from typing import Any

from localcloud import identity
from localcloud.sagemaker.errors import ServiceError
from localcloud.step_functions import logs
from localcloud.step_functions.api import names, tags, versions
from localcloud.step_functions.api.pages import page
from localcloud.step_functions.definition import Problem, check, refusal
from localcloud.step_functions.execution import services, stop
from localcloud.step_functions.store import INITIAL, Machine, Revision, Store

Parameters = dict[str, Any]

ROLE_REFUSED = (
    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the "
    "provided role."
)
LOGGING_REFUSED = "The state machine IAM Role is not authorized to access the Log Destination"
MOST_DIAGNOSTICS = 100
UPDATED = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")
NOTHING_UPDATED = (
    "Either the definition, the role ARN, the LoggingConfiguration, the TracingConfiguration or the "
    "EncryptionConfiguration must be specified"
)


def create(store: Store, params: Parameters) -> Parameters:
    """Create a state machine; the same request again answers as the first one did."""
    check_settings(params)
    check_role(params["roleArn"])
    arn, now = names.arn(f"stateMachine:{params['name']}"), time.time()
    made = Revision(
        INITIAL,
        definition=params["definition"],
        role_arn=params["roleArn"],
        kind=params.get("type", "STANDARD"),
        logging=logging_of(params),
        tracing=params.get("tracingConfiguration", {"enabled": False}),
        created=now,
    )
    check_definition(made.definition, made.kind)
    check_log_delivery(made)
    if existing := store.machines.get(arn):
        return answer_again(store, existing, made, params)
    store.machines[arn] = Machine(arn, params["name"], now, made)
    tags.put(store, arn, params.get("tags", []))
    return {"stateMachineArn": arn, "creationDate": now, **published(store, arn, params)}


def answer_again(store: Store, existing: Machine, made: Revision, params: Parameters) -> Parameters:
    """Return the answer to a request that was answered before. The role and tags do not count, as on AWS."""
    same = replace(
        made, id=existing.revision.id, role_arn=existing.revision.role_arn, created=existing.revision.created
    )
    first = f"{existing.arn}:1"
    if same != existing.revision or bool(params.get("publish")) != (first in store.versions):
        raise ServiceError("StateMachineAlreadyExists", f"State Machine Already Exists: '{existing.arn}'")
    version = {"stateMachineVersionArn": first} if params.get("publish") else {}
    return {"stateMachineArn": existing.arn, "creationDate": existing.created, **version}


def update(store: Store, params: Parameters) -> Parameters:
    """Give a state machine another revision, unless nothing of it changes."""
    machine = find(store, params["stateMachineArn"])
    if not any(name in params for name in UPDATED):
        raise ServiceError("MissingRequiredParameter", NOTHING_UPDATED)
    check_settings(params)
    if "roleArn" in params:
        check_role(params["roleArn"])
    old, now = machine.revision, time.time()
    if "definition" in params:
        check_definition(params["definition"], old.kind)
    new = replace(
        old,
        definition=params.get("definition", old.definition),
        role_arn=params.get("roleArn", old.role_arn),
        logging=logging_of(params) if "loggingConfiguration" in params else old.logging,
        tracing=params.get("tracingConfiguration", old.tracing),
    )
    check_log_delivery(new)
    if new != old:
        machine.revision = replace(new, id=str(uuid.uuid4()), created=now)
    answer = {"updateDate": now, **published(store, machine.arn, params)}
    return answer if machine.revision.id == INITIAL else {**answer, "revisionId": machine.revision.id}


def published(store: Store, arn: str, params: Parameters) -> Parameters:
    """Publish the revision when the request asks for it."""
    if not params.get("publish"):
        return {}
    version = versions.publish_revision(store, store.machines[arn], params.get("versionDescription", ""))
    return {"stateMachineVersionArn": version.arn}


def check_settings(params: Parameters) -> None:
    """Refuse settings that AWS refuses, or that the local cloud does not emulate."""
    if "versionDescription" in params and not params.get("publish"):
        raise names.invalid("Version description can only be set when publish is true")
    if params.get("encryptionConfiguration", {}).get("type", "AWS_OWNED_KEY") != "AWS_OWNED_KEY":
        key = "encryptionConfiguration with a customer managed key"
        raise ServiceError("InvalidEncryptionConfiguration", f"The local cloud does not emulate {key}.")
    logging = logging_of(params)
    destinations = logging.get("destinations", [])
    if len(destinations) > 1 or (logging["level"] != "OFF" and not destinations):
        sentence = "Invalid Logging Configuration: Must specify exactly one Log Destination."
        raise ServiceError("InvalidLoggingConfiguration", sentence)


def logging_of(params: Parameters) -> dict[str, Any]:
    return {"level": "OFF", "includeExecutionData": False, **params.get("loggingConfiguration", {})}


def check_role(role_arn: str) -> None:
    """Refuse a role that the caller may not pass, or that Step Functions may not assume."""
    if denied := identity.denial_of_caller(identity.pass_role(role_arn, "states.amazonaws.com")):
        raise ServiceError(denied.code, denied.message)
    if not identity.is_assumable(role_arn, "states"):
        raise ServiceError("AccessDeniedException", ROLE_REFUSED)


def check_log_delivery(revision: Revision) -> None:
    """Refuse a role that may not set up the delivery of logs, when there are to be any."""
    if not logs.group_of(revision.logging):
        return
    if any(services().denial(revision.role_arn, action, "*") for action in logs.ACTIONS):
        raise ServiceError("AccessDeniedException", LOGGING_REFUSED)


def check_definition(definition: str, kind: str) -> None:
    if sentence := refusal(check(definition, kind)):
        raise ServiceError("InvalidDefinition", sentence)


def find(store: Store, arn: str) -> Machine:
    """Return the state machine of an ARN without version or alias, in the request's account and region."""
    machine = store.machines.get(arn)
    if machine is None or not arn.startswith(names.scope()):
        raise names.no_machine(arn)
    return machine


def describe(store: Store, params: Parameters) -> Parameters:
    """Describe a state machine, or a version: that of an alias is not asked for here."""
    arn = params["stateMachineArn"]
    version = store.versions.get(arn)
    machine = find(store, version.machine_arn if version else arn)
    revision = version.revision if version else machine.revision
    described = {
        "stateMachineArn": arn,
        "name": machine.name,
        "status": "ACTIVE",
        "definition": revision.definition,
        "roleArn": revision.role_arn,
        "type": revision.kind,
        "creationDate": version.created if version else machine.created,
        "loggingConfiguration": revision.logging,
        "tracingConfiguration": revision.tracing,
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    if version:
        return {**described, "revisionId": revision.id, "description": version.description}
    return described if revision.id == INITIAL else {**described, "revisionId": revision.id}


def delete(store: Store, params: Parameters) -> Parameters:
    """Delete a state machine and abort its executions; one that does not exist is deleted as well."""
    arn = params["stateMachineArn"]
    if arn.startswith(names.scope()):
        for execution in store.remove_machine(arn):
            stop(execution)
    return {}


def list_machines(store: Store, params: Parameters) -> Parameters:
    found = [one for one in list(store.machines.values()) if one.arn.startswith(names.scope())]
    shown, token = page(sorted(found, key=lambda one: one.name), params, lambda one: [one.name])
    return {"stateMachines": [summary(one) for one in shown], **token}


def summary(machine: Machine) -> Parameters:
    return {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "type": machine.revision.kind,
        "creationDate": machine.created,
    }


def validate_definition(store: Store, params: Parameters) -> Parameters:
    problems = check(params["definition"], params.get("type", "STANDARD"))
    fails = any(one.severity == "ERROR" for one in problems)
    asked = [one for one in problems if one.severity == "ERROR" or params.get("severity") == "WARNING"]
    most = params.get("maxResults") or MOST_DIAGNOSTICS
    return {
        "result": "FAIL" if fails else "OK",
        "diagnostics": [diagnostic(one) for one in asked[:most]],
        "truncated": len(asked) > most,
    }


def diagnostic(problem: Problem) -> dict[str, str]:
    told = {"severity": problem.severity, "code": problem.code, "message": problem.message}
    return {**told, "location": problem.location} if problem.location else told
