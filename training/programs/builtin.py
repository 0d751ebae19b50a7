"""`--algorithm builtin`: SageMaker's own image-classification algorithm, whose network is another one than ours.

It trains on a GPU only, starts from weights learned on ImageNet unless `use_pretrained_model` is 0, and brings its
metric definitions, which SageMaker lets nobody override. Nothing of ours is in its environment: it has no seed.

It validates whole batches: of 80 photos in batches of 32, 64 or 96 are counted. So its validation accuracy is no figure
to compare with ours; the accuracy that the deploy step measures through the endpoint is.
"""

from training.errors import TrainingJobError
from training.options import INSTANCE_TYPES, TrainOptions
from training.programs.program import Program, required_hyperparameters
from training.results import Dataset

FRAMEWORK = "image-classification"
OUR_HYPERPARAMETERS = ("cross_validate", "hold_out")  # that only training/algorithm knows
DEFAULTS = {"use_pretrained_model": "1"}


def builtin_program(dataset: Dataset, options: TrainOptions, region: str) -> Program:
    """Return the built-in algorithm.

    Raises:
        TrainingJobError: AWS does not offer the algorithm in the region, or a hyperparameter is not the algorithm's.
    """
    if ours := [name for name in OUR_HYPERPARAMETERS if name in options.hyperparameters]:
        raise TrainingJobError(
            f"The built-in algorithm does not know {ours[0]}: leave that out, or use --algorithm own."
        )
    return Program(
        name="builtin",
        image_uri=builtin_image(region),
        instance_type=options.instance_type or INSTANCE_TYPES["builtin"],
        hyperparameters={**required_hyperparameters(dataset), **DEFAULTS, **options.hyperparameters},
    )


def builtin_image(region: str) -> str:
    """Return the URI of the built-in algorithm's image.

    Raises:
        TrainingJobError: AWS does not offer the algorithm in the region.
    """
    from sagemaker.core import image_uris  # takes seconds

    try:
        return str(image_uris.retrieve(FRAMEWORK, region))
    except (ValueError, KeyError) as err:
        raise TrainingJobError(
            f"SageMaker's {FRAMEWORK} algorithm has no image in {region}: train with --algorithm own, or deploy the "
            "stack in another region, such as us-east-1."
        ) from err
