"""What a table of thresholds means, in sentences, and the commands that deploy a threshold."""

import shlex
from collections.abc import Sequence

from training.config import DEFAULT_STACK_NAME, Stack
from training.statistics import proven
from training.threshold.thresholds import Row, least_cost, lowest_proven, next_to_prove


def conclusions(rows: Sequence[Row]) -> list[str]:
    """Return what is proven, or what is missing, and the threshold of least cost."""
    found = lowest_proven(rows)
    sentences = [proven_sentence(found) if found else missing_sentence(rows)]
    cheapest = least_cost(rows)
    return [*sentences, *([cost_sentence(cheapest)] if cheapest else [])]


def proven_sentence(row: Row) -> str:
    low, high = row.refusals_interval
    return (
        f"Proven: at {row.threshold:g}, less than {percent(row.aim.max_error)} of the accepted photos are wrong "
        f"({row.errors} of {row.accepted:,}, p = {row.p_value:.2g}); {row.refusals:.0f} of 1,000 photos are refused "
        f"({low:.0f} to {high:.0f})."
    )


def missing_sentence(rows: Sequence[Row]) -> str:
    """Return how far the photos are from a proof: 'needs 149 accepted without an error, has 107'."""
    aim, row = rows[0].aim, next_to_prove(rows)
    errors = row.errors if row else 0
    needed = proven.needed(errors, aim.max_error, aim.confidence)
    start = f"Nothing is proven: {percent(aim.max_error)} with {percent(aim.confidence)} confidence needs {needed:,}"
    if row is None:
        return f"{start} accepted photos, and every threshold refuses all."
    has = f"{start} accepted {with_errors(errors)}, has {row.accepted:,} (at {row.threshold:g})"
    if errors:
        return f"{has}."
    return f"{has}: label about {proven.photos_needed(needed, row.accepted, row.photos):,} photos in all."


def cost_sentence(row: Row) -> str:
    assert row.cost is not None and row.cost_interval is not None
    low, high = row.cost_interval
    return (
        f"Least cost: at {row.threshold:g}, 1,000 photos cost {row.cost:.4g} ({low:.4g} to {high:.4g}); "
        f"{row.refusals:.0f} are refused, {1000 * row.errors / row.photos:.0f} accepted with a wrong class."
    )


def commands(stack: Stack, threshold: float) -> list[str]:
    """Return what deploys a threshold, on AWS and in a shell of the local AWS; other parameters keep their values."""
    name = [] if stack.name == DEFAULT_STACK_NAME else ["--stack-name", stack.name]
    parameter = ["--parameter-overrides", f"ConfidenceThreshold={threshold:g}"]
    deploy = shlex.join(["sam", "deploy", *name, *parameter])
    local = shlex.join(["sam", "deploy", "--config-env", "local", *name, *parameter])
    return [f"sam build && {deploy}", f"sam build && {local}"]


def with_errors(errors: int) -> str:
    return "without an error" if not errors else "with 1 error" if errors == 1 else f"with {errors:,} errors"


def percent(share: float) -> str:
    return f"{100 * share:.4g} %"
