"""Whether the stack's endpoint can answer."""

from training.config import command
from training.context import Context
from training.preflight.check import Check, passed, problem
from training.running import RunningEndpoint

SERVING = ("InService", "Updating", "SystemUpdating", "RollingBack")


def check_endpoint(context: Context, endpoint: RunningEndpoint | None) -> Check:
    subject, name = "endpoint in service", context.stack.endpoint_name
    if endpoint is None:
        remedy = f"run `{command('deploy', context.stack.name)}` first"
        return problem(subject, f"there is no endpoint {name} of this stack", remedy)
    if endpoint.status not in SERVING:
        return problem(subject, f"the endpoint {name} is {endpoint.status}", "deploy it, or wait until it serves")
    return passed(subject, name)
