"""Settings of a run and the layout of what it makes, on disk and in the bucket."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

# Prefixes in the stack's bucket. The .lst files stay outside the image prefixes: listing images lists only images.
IMAGE_PREFIX = "images"  # images/<split>/<file name>
LIST_PREFIX = "lists"  # lists/<split>.lst
MODEL_PREFIX = "models"  # models/<training job>/output/model.tar.gz
CAPTURE_PREFIX = "captured"  # captured/<endpoint>/<variant>/yyyy/mm/dd/hh/*.jsonl

# The tag of every SageMaker resource that a run makes, with the stack's name as its value: clean-up goes by it.
STACK_TAG = "stack"

STEPS = ("stage", "train", "deploy", "test", "monitor")  # in the order of `all`; cleanup only when asked for
SPLITS = ("train", "validation", "test")

PUBLIC_ARCHIVE_URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
PUBLIC_ARCHIVE_MD5 = "eb9058c3a382ffc7106e4002c42a8d85"  # given by the publisher


@dataclass(frozen=True)
class Stack:
    """What the deployed CloudFormation stack offers to the steps, read from its outputs."""

    name: str
    region: str
    bucket: str
    execution_role_arn: str
    endpoint_name: str
    state_machine_arn: str
    confidence_threshold: float  # in [0, 1]; an inference below it is refused


def run_directory(stack_name: str) -> Path:
    """Return `runs/<stack name>`, where everything that a run makes on this machine goes."""
    return Path("runs") / stack_name


def inference_id(s3_key: str) -> str:
    """Return the InferenceId that classifyImage sends for an image; SageMaker takes at most 64 ASCII characters."""
    return quote(s3_key)[-64:]
