"""Aliases of versions (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html)."""

import json
import random
import time
from typing import Any

from localcloud.sagemaker.errors import ServiceError
from localcloud.step_functions.api import names
from localcloud.step_functions.api.pages import page
from localcloud.step_functions.store import Alias, Store, Version

Parameters = dict[str, Any]
Routes = list[dict[str, Any]]

EXISTS = (
    "Failed to create alias because an alias with the same name and a different routing configuration already exists."
)


def create(store: Store, params: Parameters) -> Parameters:
    routes = checked_routes(store, params["routingConfiguration"])
    machine_arn = store.versions[routes[0]["stateMachineVersionArn"]].machine_arn
    now, description = time.time(), params.get("description", "")
    made = Alias(f"{machine_arn}:{params['name']}", params["name"], description, routes, now, now)
    kept = store.aliases.setdefault(made.arn, made)
    if (kept.routes, kept.description) != (made.routes, made.description):
        raise names.conflict(EXISTS)
    return {"stateMachineAliasArn": kept.arn, "creationDate": kept.created}


def update(store: Store, params: Parameters) -> Parameters:
    alias = find(store, params["stateMachineAliasArn"])
    if "routingConfiguration" not in params and "description" not in params:
        sentence = "Either the description or the RoutingConfiguration must be specified"
        raise ServiceError("MissingRequiredParameter", sentence)
    if "routingConfiguration" in params:
        alias.routes = checked_routes(store, params["routingConfiguration"], alias.machine_arn)
    alias.description = params.get("description", alias.description)
    alias.updated = time.time()
    return {"updateDate": alias.updated}


def describe(store: Store, params: Parameters) -> Parameters:
    alias = find(store, params["stateMachineAliasArn"])
    return {
        "stateMachineAliasArn": alias.arn,
        "name": alias.name,
        "description": alias.description,
        "routingConfiguration": alias.routes,
        "creationDate": alias.created,
        "updateDate": alias.updated,
    }


def delete(store: Store, params: Parameters) -> Parameters:
    """Delete an alias; one that does not exist is deleted as well."""
    store.aliases.pop(params["stateMachineAliasArn"], None)
    return {}


def list_aliases(store: Store, params: Parameters) -> Parameters:
    """List the aliases of a state machine, or those that lead to a version of it."""
    arn = params["stateMachineArn"]
    version = store.versions.get(arn)
    if version is None and arn not in store.machines:
        raise names.no_machine(arn)
    found = store.aliases_of(version.machine_arn if version else arn)
    if version:
        found = [one for one in found if arn in [route["stateMachineVersionArn"] for route in one.routes]]
    shown, token = page(found, params, lambda one: [-one.created, one.arn])
    return {"stateMachineAliases": [{"stateMachineAliasArn": a.arn, "creationDate": a.created} for a in shown], **token}


def find(store: Store, arn: str) -> Alias:
    alias = store.aliases.get(arn)
    if alias is None or not arn.startswith(names.scope()):
        raise ServiceError("ResourceNotFound", f"Request references a resource that does not exist: '{arn}'")
    return alias


def checked_routes(store: Store, routes: Routes, machine_arn: str | None = None) -> Routes:
    """Return the routes of an alias.

    Raises:
        ServiceError: They are not one or two versions of one state machine whose weights add up to 100.
    """
    arns = [route["stateMachineVersionArn"] for route in routes]
    weights = [route["weight"] for route in routes]
    shown = f"[{', '.join(arns)}]"
    if not routes:
        raise names.invalid("Routing configuration must contain at least one state machine version ARN.")
    if len(set(arns)) < len(arns):
        raise names.invalid(
            f"Routing configuration must contain distinct state machine version ARNs. Received: {shown}"
        )
    if sum(weights) != 100:
        raise names.invalid(f"Sum of routing configuration weights must equal 100. Received: {json.dumps(weights)}")
    if any(arn not in store.versions for arn in arns):
        raise names.invalid(f"Routing configuration must contain state machine version ARNs. Received: {shown}")
    if (
        len({store.versions[arn].machine_arn for arn in arns} | {machine_arn or store.versions[arns[0]].machine_arn})
        > 1
    ):
        raise names.invalid(f"Routing configuration must contain versions of one state machine. Received: {shown}")
    return [dict(route) for route in routes]


def choose(store: Store, alias: Alias) -> Version:
    """Return the version that a new execution of an alias runs."""
    (route,) = random.choices(alias.routes, [route["weight"] for route in alias.routes])
    return store.versions[route["stateMachineVersionArn"]]
