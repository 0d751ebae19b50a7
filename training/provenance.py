"""From which dataset SageMaker's resources were made, by the tags that they carry."""

import hashlib
import json
from contextlib import suppress

from botocore.exceptions import ClientError

from training.config import DATASET_TAG, STACK_TAG, TEST_TAG, local_path
from training.context import Context
from training.dataset.index import read_index
from training.errors import EndpointError, MissingEndpointError, StepNotRunError
from training.refusals import is_missing
from training.results import Dataset, TrainedModel, load

CONFIG_SUFFIX = "-%Y%m%d-%H%M%S"  # of an endpoint configuration's name, 16 characters when it is filled in
LONGEST_NAME = 63 - 16  # characters; SageMaker's limit for the name of an endpoint configuration is 63


def tags(context: Context, dataset: Dataset) -> list[dict[str, str]]:
    """Return the tags of a resource that a run of this stack makes from the dataset, as sagemaker.core takes them."""
    return [
        {"key": STACK_TAG, "value": context.stack.name},
        {"key": DATASET_TAG, "value": dataset.fingerprint},
    ]


def model_tags(context: Context, dataset: Dataset) -> list[dict[str, str]]:
    """Return the tags of a model: those of all resources, and of the photos that it can be compared on."""
    return [*tags(context, dataset), {"key": TEST_TAG, "value": held_out_fingerprint(dataset)}]


def held_out_fingerprint(dataset: Dataset) -> str:
    """Return a digest of the classes and the test photos, whatever else the dataset has.

    Two models whose datasets have the same one saw none of these photos, and mean the same by their labels.
    """
    index = read_index(dataset.directory)
    images = index[index["split"] == "test"]
    files = (local_path(dataset.directory, key) for key in images["s3_key"])
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    content = [list(dataset.classes), sorted(zip(digests, images["label"].tolist(), strict=True))]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def check_endpoint_name(context: Context) -> None:
    """Refuse an endpoint whose configurations could not be named after it.

    Raises:
        EndpointError: The endpoint's name is too long.
    """
    name = context.stack.endpoint_name
    if len(name) > LONGEST_NAME:
        raise EndpointError(
            f"The endpoint name {name} has {len(name)} characters, and at most {LONGEST_NAME} leave room for the names "
            "of its configurations: deploy the stack with a shorter EndpointName."
        )


def check_model(dataset: Dataset, model: TrainedModel) -> None:
    """Refuse a model that was trained on another dataset.

    Raises:
        EndpointError: The model has another number of classes, or another fingerprint.
    """
    if (model.num_classes, model.dataset_fingerprint) != (len(dataset.classes), dataset.fingerprint):
        raise other_dataset(
            f"The model of training job {model.training_job_name} tells {model.num_classes} classes apart and",
            dataset,
        )


def other_dataset(subject: str, dataset: Dataset) -> EndpointError:
    """Return the error for a model that was trained on another dataset; its message begins with the subject."""
    return EndpointError(
        f"{subject} was not trained on the staged dataset, which has {len(dataset.classes)} classes "
        f"({', '.join(dataset.classes)}): run `python training/run.py train` first."
    )


def check_served_dataset(context: Context, dataset: Dataset) -> None:
    """Refuse an endpoint whose model was not trained on the staged dataset.

    Raises:
        MissingEndpointError: There is no endpoint.
        EndpointError: It serves a model of another dataset, or one that does not say of which.
    """
    for name, found in served_models(context).items():
        if found.get(DATASET_TAG) != dataset.fingerprint:
            raise EndpointError(
                f"Endpoint {context.stack.endpoint_name} serves the model {name}, which was not trained on the staged "
                f"dataset ({', '.join(dataset.classes)}): run the steps train and deploy, or stage the model's dataset "
                "again."
            )


def served_models(context: Context) -> dict[str, dict[str, str]]:
    """Return the tags of the endpoint's models, by the models' names.

    An endpoint keeps its own tags when it is updated to another model, so those of its models count.
    """
    sagemaker, endpoint_name = context.clients.sagemaker, context.stack.endpoint_name
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=endpoint_name)
    except ClientError as err:
        if not is_missing(err):
            raise
        raise MissingEndpointError(
            f"There is no endpoint {endpoint_name}: run `python training/run.py deploy` first."
        ) from err
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    names = [variant["ModelName"] for variant in config["ProductionVariants"]]
    arns = [sagemaker.describe_model(ModelName=name)["ModelArn"] for name in names]
    return {name: context.tags_of(arn) for name, arn in zip(names, arns, strict=True)}


def class_names(context: Context) -> tuple[str, ...]:
    """Return the names of the classes that the endpoint tells apart, in label order; () where nobody knows them."""
    with suppress(StepNotRunError, MissingEndpointError):
        dataset = load(context.directory, "stage", Dataset)
        try:
            check_served_dataset(context, dataset)
        except EndpointError as err:
            if isinstance(err, MissingEndpointError):
                raise
            context.console.print(f"Verdicts have labels in place of names: {err}", highlight=False)
            return ()
        return dataset.classes
    return ()
