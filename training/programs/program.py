"""What a training job runs, whichever the algorithm."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.results import Dataset

SEED = "TRAINING_SEED"  # in the environment: the algorithm's hyperparameters, which are AWS's, have no seed


@dataclass(frozen=True)
class Code:
    """Python files for a job's channel `code`."""

    uri: str  # s3://<bucket>/code/<digest of the files>/
    files: Mapping[str, bytes]  # by their paths below the URI


@dataclass(frozen=True)
class Program:
    """A container image, how SageMaker starts it to train, and what it is told beyond the photos."""

    name: str  # own, image or builtin; `serving_environment` knows how each is served
    image_uri: str
    instance_type: str  # that it trains on
    hyperparameters: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    metric_definitions: Mapping[str, str] = field(default_factory=dict)  # a regular expression for each metric
    entrypoint: tuple[str, ...] = ()  # with its arguments; the image's own when it is empty
    code: Code | None = None  # that the entrypoint needs


def required_hyperparameters(dataset: Dataset) -> dict[str, str]:
    """Return the hyperparameters that follow from the data, under the names of AWS's image-classification algorithm."""
    return {
        "num_classes": str(len(dataset.classes)),
        "num_training_samples": str(dataset.train),
        "image_shape": ",".join(map(str, dataset.image_shape)),
    }
