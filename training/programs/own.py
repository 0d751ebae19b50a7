"""`--algorithm own`: the package `training/algorithm`, on AWS's PyTorch image or on an image of one's own.

AWS's image has PyTorch, onnx, onnxruntime, numpy and pillow, but neither our code nor a server:

- To train, SageMaker starts the image with our entrypoint, which finds the package in the channel `code`.
- To serve, SageMaker starts the image with the argument `serve`. The image's start script evaluates its arguments in
  bash, and bash first reads the file that `BASH_ENV` names. The training program has put that file into the model's
  archive, with the package, and it defines `serve`.

An image of one's own (`training/Dockerfile`) holds the package and has the entrypoint `python -m algorithm`, to which
SageMaker adds `train` or `serve`: it needs none of this.
"""

from dataclasses import replace

from training.errors import TrainingJobError
from training.options import INSTANCE_TYPES, TrainOptions
from training.programs.code import read_code
from training.programs.program import SEED, Program, required_hyperparameters
from training.results import Dataset

FRAMEWORK = "pytorch-amzn2023"  # the name of AWS's image for `image_uris`
VERSION = "2.13"  # of the image, whose PyTorch is the one that pyproject.toml pins
PROCESSOR = "ml.m5.large"  # any instance type without a GPU: the package computes on the CPU, wherever it runs
TRAIN = ("python", "-m", "algorithm", "train")
CODE_DIRECTORY = "/opt/ml/input/data/code"
# The model's archive is unpacked into /opt/ml/model. The start script reports the image's use to AWS unless it is told
# not to.
SERVING_ENVIRONMENT = {"BASH_ENV": "/opt/ml/model/code/container.sh", "OPT_OUT_TRACKING": "true"}
METRIC_DEFINITIONS = {
    "train:accuracy": r"Epoch\[\d+\] Train-accuracy=([0-9.]+)",
    "train:cross-entropy": r"Epoch\[\d+\] Train-cross-entropy=([0-9.]+)",
    "validation:accuracy": r"Epoch\[\d+\] Validation-accuracy=([0-9.]+)",
    "unseen:images": r" on (\d+) unseen images",
    "unseen:accuracy": r" unseen images ([0-9.]+) ",
    "unseen:low": r" unseen images [0-9.]+ \(([0-9.]+) to ",
    "unseen:high": r" unseen images [0-9.]+ \([0-9.]+ to ([0-9.]+)\)",
}


def own_program(dataset: Dataset, options: TrainOptions, region: str) -> Program:
    """Return our training program on AWS's PyTorch image.

    Raises:
        TrainingJobError: AWS does not offer the image in the region.
    """
    program = image_program(dataset, options, pytorch_image(region))
    return replace(
        program,
        name="own",
        environment={**program.environment, "PYTHONPATH": CODE_DIRECTORY},
        entrypoint=TRAIN,
        code=read_code(dataset.bucket),
    )


def image_program(dataset: Dataset, options: TrainOptions, image_uri: str) -> Program:
    """Return our training program on an image that holds it."""
    return Program(
        name="image",
        image_uri=image_uri,
        instance_type=options.instance_type or INSTANCE_TYPES["own"],
        hyperparameters={**required_hyperparameters(dataset), **options.hyperparameters},
        environment={SEED: str(options.seed)},
        metric_definitions=METRIC_DEFINITIONS,
    )


def pytorch_image(region: str) -> str:
    """Return the URI of AWS's PyTorch image.

    Raises:
        TrainingJobError: AWS does not offer the image in the region.
    """
    from sagemaker.core import image_uris  # takes seconds

    try:
        return str(image_uris.retrieve(FRAMEWORK, region, version=VERSION, instance_type=PROCESSOR))
    except (ValueError, KeyError) as err:
        raise TrainingJobError(
            f"AWS's PyTorch image {VERSION} is not offered in {region}: deploy the stack in another region, such as "
            "us-east-1, or train on an image of your own (--image-uri)."
        ) from err
