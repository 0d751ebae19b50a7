"""The program that the options ask for."""

from collections.abc import Mapping

from training.config import Stack
from training.options import TrainOptions
from training.programs import own
from training.programs.builtin import builtin_image, builtin_program
from training.programs.own import image_program, own_program
from training.programs.program import Program
from training.results import Dataset


def choose_program(stack: Stack, dataset: Dataset, options: TrainOptions) -> Program:
    """Return the program of the algorithm, for the stack's region and bucket.

    Raises:
        TrainingJobError: AWS does not offer its image in the region.
    """
    if options.algorithm == "builtin":
        return builtin_program(dataset, options, stack.region)
    if options.image_uri:
        return image_program(dataset, options, options.image_uri)
    return own_program(dataset, options, stack.region)


def image_of(options: TrainOptions, region: str) -> str:
    """Return the URI of the image that the options ask for.

    Raises:
        TrainingJobError: AWS does not offer it in the region.
    """
    if options.algorithm == "builtin":
        return builtin_image(region)
    return options.image_uri or own.pytorch_image(region)


def serving_environment(program_name: str) -> Mapping[str, str]:
    """Return the environment that a model needs to be served, by the name of the program that trained it."""
    return own.SERVING_ENVIRONMENT if program_name == "own" else {}
