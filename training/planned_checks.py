"""What would stop the steps on AWS, from their options: every check, each whatever the others find."""

import argparse
from collections.abc import Callable

from training.arguments import options_for
from training.context import Context
from training.errors import StepNotRunError
from training.options import INSTANCE_TYPES, DeployOptions, TrainOptions
from training.preflight.check import Check, passed, problem
from training.preflight.image import check_image
from training.preflight.names import check_names
from training.preflight.ownership import check_owner
from training.preflight.permissions import check_permissions
from training.preflight.quotas import ENDPOINT, TRAINING, Need, check_quotas
from training.programs.choice import image_of
from training.results import Dataset, TrainedModel, load


def run_checks(context: Context, steps: tuple[str, ...], arguments: argparse.Namespace) -> list[Check]:
    """Return all checks of the steps; none stops the others."""
    found = [*check_results(context, arguments.step), *check_names(context.stack)]
    needs = []
    if "train" in steps:
        options = options_for(TrainOptions, arguments)
        found.append(check_image(lambda: image_of(options, context.stack.region)))
        instance_type = options.instance_type or INSTANCE_TYPES[options.algorithm]
        needs.append(Need(TRAINING, instance_type, 1, "--instance-type"))
    if "deploy" in steps:
        owner, exists = check_owner(context)
        found.append(owner)
        needs.append(endpoint_need(options_for(DeployOptions, arguments), exists))
    found += check_quotas(context.clients.service_quotas, context.stack.region, needs)
    found.append(check_permissions(context.clients, steps, context.stack))
    return found


def check_results(context: Context, step: str) -> list[Check]:
    """Return a check for each earlier step whose result a single step needs."""
    found = []
    if step in ("train", "deploy"):
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
    """Return the instances of the endpoint; an update starts the new ones before it ends the old ones."""
    reason = "an update starts the new instances before it ends the old ones" if exists else ""
    return Need(ENDPOINT, options.endpoint_instance_type, 2 if exists else 1, "--endpoint-instance-type", reason)
