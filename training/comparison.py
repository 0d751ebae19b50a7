"""Whether a new model is worse than the one in service, on the same test photos."""

import pandas as pd
from botocore.exceptions import ClientError

from training import paired
from training.candidate import remove_candidate, serve_candidate
from training.config import COMPARISON_ID, TEST_TAG
from training.context import Context
from training.endpoint import current_endpoint
from training.errors import EndpointError, WorseModelError
from training.options import DeployOptions
from training.paired import Pairs
from training.predictions import is_right, predict
from training.provenance import held_out_fingerprint, served_models
from training.refusals import is_missing
from training.results import Comparison, Dataset, TrainedModel

SIGNIFICANCE = 0.05  # a p-value below it is beyond chance; the intervals are of 95 % accordingly


def check_not_worse(
    context: Context, dataset: Dataset, model: TrainedModel, options: DeployOptions
) -> Comparison | None:
    """Compare a model with the one in service, before any traffic goes to it.

    Returns:
        None when there is none in service, or none that can be compared; the console says why.

    Raises:
        WorseModelError: It is worse beyond chance, and `accept_worse` is not set. The endpoint is as before, and the
            model is removed from SageMaker; its archive stays in the bucket.
        EndpointError: It cannot be brought into service, which leaves the endpoint as before, too.
    """
    console = context.console
    try:
        comparison = compare(context, dataset, model, options)
    finally:
        remove_candidate(context)  # that of this run, or of one that was killed
    if comparison is None:
        return None
    console.print(f"Compared with {comparison.model_in_service}: {verdict(comparison)}, {describe(comparison)}")
    if is_worse(comparison) and not options.accept_worse:
        context.clients.sagemaker.delete_model(ModelName=model.training_job_name)
        raise WorseModelError(refusal(context, comparison, model))
    return comparison


def compare(context: Context, dataset: Dataset, model: TrainedModel, options: DeployOptions) -> Comparison | None:
    """Let the model in service and the new one, as the candidate, classify every test image."""
    if current_endpoint(context) is None:
        return None
    in_service = models_in_service(context)
    if list(in_service) == [model.training_job_name]:
        return None
    before = None
    if is_comparable(in_service, dataset):
        before = predictions_in_service(context, dataset)
    else:
        say_incomparable(context, "it is not known to have been tested on the staged test photos and classes")
    if before is None:
        return None
    candidate = serve_candidate(context, dataset, model, options)
    after = predict(context, dataset, candidate, comparison_id)
    return comparison_of(", ".join(in_service), paired.pairs(is_right(before), is_right(after)))


def models_in_service(context: Context) -> dict[str, dict[str, str]]:
    """Return the tags of the endpoint's models by their names; none when one, or its configuration, is deleted."""
    try:
        return served_models(context)
    except ClientError as err:
        if not is_missing(err):
            raise
        return {}


def is_comparable(in_service: dict[str, dict[str, str]], dataset: Dataset) -> bool:
    """Tell whether the models have never seen the test photos, and mean the same classes by their labels."""
    found = {tags.get(TEST_TAG) for tags in in_service.values()}
    return found == {held_out_fingerprint(dataset)}


def predictions_in_service(context: Context, dataset: Dataset) -> pd.DataFrame | None:
    """Return what the endpoint predicts; None when its model fails or answers for other classes.

    A model that fails must not keep its successor out of service.
    """
    try:
        return predict(context, dataset, context.stack.endpoint_name, comparison_id)
    except EndpointError:
        say_incomparable(context, "it answers for another number of classes")
    except ClientError as err:
        if err.response["Error"]["Code"] != "ModelError":
            raise
        say_incomparable(context, f"it fails ({err})")
    return None


def comparison_id(_: str) -> str:
    """Return the InferenceId of every request of a comparison: data capture records them among the traffic."""
    return COMPARISON_ID


def say_incomparable(context: Context, reason: str) -> None:
    context.console.print(
        f"The new model is not compared with the one that endpoint {context.stack.endpoint_name} serves: {reason}.",
        style="yellow",
        markup=False,
        highlight=False,
    )


# The result --------------------------------------------------------------------------------------------------


def comparison_of(model_in_service: str, counts: Pairs) -> Comparison:
    before, after = counts.accuracies
    low, high = paired.interval(counts)
    return Comparison(model_in_service, before, after, counts.number, after - before, low, high, paired.p_value(counts))


def is_worse(comparison: Comparison) -> bool:
    """Tell whether the new model is worse beyond chance."""
    return comparison.difference < 0 and comparison.p_value < SIGNIFICANCE


def describe(comparison: Comparison) -> str:
    """Return the figures: both accuracies, and the difference in percentage points with its interval."""
    return (
        f"accuracy {comparison.accuracy:.3f} instead of {comparison.accuracy_in_service:.3f} on the same "
        f"{comparison.images} test photos, {100 * comparison.difference:+z.1f} points (95 % interval "
        f"{100 * comparison.low:+z.1f} to {100 * comparison.high:+z.1f}, McNemar p = {comparison.p_value:.2g})"
    )


def verdict(comparison: Comparison) -> str:
    if comparison.p_value >= SIGNIFICANCE:
        return "no difference beyond chance"
    return "worse" if is_worse(comparison) else "better"


def refusal(context: Context, comparison: Comparison, model: TrainedModel) -> str:
    return (
        f"The model {model.training_job_name} is worse than {comparison.model_in_service}, which endpoint "
        f"{context.stack.endpoint_name} goes on serving: {describe(comparison)}; train another model, or run the step "
        "deploy with --accept-worse."
    )
