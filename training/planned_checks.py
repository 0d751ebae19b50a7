"""What would stop the steps on AWS, from their options: every check, each whatever the others find."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from training import expiry
from training.arguments import options_for
from training.config import Stack, candidate_name
from training.context import Context
from training.errors import StackError, StepNotRunError
from training.options import INSTANCE_TYPES, DeployOptions, TrainOptions
from training.preflight.check import Check, passed, problem
from training.preflight.image import check_image
from training.preflight.names import check_names
from training.preflight.ownership import check_owner
from training.preflight.permissions import (
    Rights,
    candidate_rights,
    check_permissions,
    expiry_rights,
    instances_rights,
    rights_of,
)
from training.preflight.quotas import ENDPOINT, TRAINING, Need, check_quotas
from training.preflight.scaling import check_scaling
from training.programs.choice import image_of
from training.results import Dataset, TrainedModel, load


def run_checks(context: Context, steps: tuple[str, ...], arguments: argparse.Namespace) -> list[Check]:
    """Return all checks of the steps; none stops the others."""
    stack = context.stack
    found = [*check_results(context, arguments.step), *check_names(stack)]
    needs, rights = [], rights_of(steps, stack)
    if "train" in steps:
        options = options_for(TrainOptions, arguments)
        found.append(check_image(lambda: image_of(options, stack.region)))
        instance_type = options.instance_type or INSTANCE_TYPES[options.algorithm]
        needs.append(Need(TRAINING, instance_type, 1, "--instance-type"))
    if "deploy" in steps:
        deployment = check_deployment(context, options_for(DeployOptions, arguments))
        found += deployment.checks
        needs.append(deployment.need)
        rights += deployment.rights
    found += check_quotas(context.clients.service_quotas, stack.region, needs)
    found.append(check_permissions(context.clients, rights))
    return found


@dataclass(frozen=True)
class DeploymentChecks:
    """What was found of a deployment, and what it needs beyond every deployment's rights."""

    checks: list[Check]
    need: Need
    rights: list[Rights]


def check_deployment(context: Context, options: DeployOptions) -> DeploymentChecks:
    """Return the checks of the endpoint; one that is updated needs more instances and rights than a new one."""
    stack = context.stack
    owner, exists = check_owner(context, stack.endpoint_name, "owner of the endpoint")
    found = [owner]
    rights: list[Rights] = []
    if exists:
        found.append(check_owner(context, candidate_name(stack.endpoint_name), "owner of the candidate")[0])
        rights += candidate_rights(stack)
    found += check_scaling(context.clients.autoscaling, stack.endpoint_name, options.instances)
    rights += instances_rights(stack, options.instances)
    if options.expires_in is not None:
        found.append(check_expiry(stack, options))
        rights += expiry_rights(stack) if stack.expiry_role_arn else []
    return DeploymentChecks(found, endpoint_need(options, exists), rights)


def check_expiry(stack: Stack, options: DeployOptions) -> Check:
    """Return whether the stack can end its endpoint."""
    subject = "expiry of the endpoint"
    try:
        expiry.check_stack(stack, options.expires_in)
    except StackError as err:
        finding, _, remedy = str(err).rstrip(".").partition(": ")
        return problem(subject, finding, remedy)
    return passed(subject, f"after {options.expires_in}")


def check_results(context: Context, step: str) -> list[Check]:
    """Return a check for each earlier step whose result a single step needs."""
    found = []
    if step in ("train", "learn", "deploy"):
        found.append(check_result("stage", lambda: load(context.directory, "stage", Dataset)))
    if step == "deploy":
        found.append(check_result("train", lambda: load(context.directory, "train", TrainedModel)))
    return found


def check_result(step: str, read: Callable[[], object]) -> Check:
    try:
        read()
    except StepNotRunError as err:
        finding, _, remedy = str(err).rstrip(".").partition(": ")
        return problem(f"result of {step}", finding, remedy)
    return passed(f"result of {step}")


def endpoint_need(options: DeployOptions, exists: bool) -> Need:
    """Return the instances of the endpoint; the new ones start beside the old ones, to compare and to update."""
    reason = "the new model is started beside the old one" if exists else ""
    number = options.instances[1] * (2 if exists else 1)
    return Need(ENDPOINT, options.endpoint_instance_type, number, "--endpoint-instance-type", reason)
