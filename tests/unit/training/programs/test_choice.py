"""Which program the options ask for; the train and deploy steps' tests show what becomes of it."""

import pytest

from tests.unit.training.fakes import DATASET, STACK
from training.options import INSTANCE_TYPES, TrainOptions
from training.programs.choice import choose_program

OWN_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/scones:1"


@pytest.mark.parametrize(
    ("options", "name", "machine"),
    [
        (TrainOptions(), "own", INSTANCE_TYPES["own"]),
        (TrainOptions(image_uri=OWN_IMAGE), "image", INSTANCE_TYPES["own"]),
        (TrainOptions(algorithm="builtin"), "builtin", INSTANCE_TYPES["builtin"]),
        (TrainOptions(instance_type="ml.c5.xlarge"), "own", "ml.c5.xlarge"),
        (TrainOptions(instance_type="ml.p3.2xlarge", algorithm="builtin"), "builtin", "ml.p3.2xlarge"),
    ],
)
def test_the_options_choose(options: TrainOptions, name: str, machine: str) -> None:
    program = choose_program(STACK, DATASET, options)
    assert (program.name, program.instance_type) == (name, machine)


def test_the_built_in_algorithm_starts_from_pretrained_weights_unless_told_otherwise() -> None:
    options = TrainOptions(algorithm="builtin", hyperparameters={"use_pretrained_model": "0"})
    assert choose_program(STACK, DATASET, options).hyperparameters["use_pretrained_model"] == "0"
