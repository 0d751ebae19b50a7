"""What is refused of a training job's program when the job is created."""

from typing import Any

import pytest

from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.training.jobs import check_program

ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
PYTORCH = f"{ECR}/pytorch:2.13-cpu-amzn2023-sagemaker"
BUILT_IN = "811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1"
ENTRYPOINT = {"ContainerEntrypoint": ["python", "-m", "algorithm", "train"]}


def definitions(regex: str) -> dict[str, Any]:
    return {"MetricDefinitions": [{"Name": "loss", "Regex": regex}]}


@pytest.mark.parametrize(
    "specification",
    [
        {"TrainingImage": PYTORCH, **ENTRYPOINT, **definitions("loss=(.*)")},
        {"TrainingImage": PYTORCH, **ENTRYPOINT, "ContainerArguments": ["--now"]},
        {"TrainingImage": BUILT_IN},
        {"TrainingImage": f"{ECR}/unknown:1", **ENTRYPOINT, **definitions("loss=(.*)")},  # the job fails later
    ],
)
def test_what_the_image_takes_is_accepted(specification: dict[str, Any]) -> None:
    check_program(specification)


@pytest.mark.parametrize(
    ("specification", "sentence"),
    [
        ({"TrainingImage": PYTORCH}, f"training toolkit, which the image {PYTORCH} starts when .*ContainerEntrypoint"),
        ({"TrainingImage": PYTORCH, "ContainerArguments": ["train"]}, "SageMaker's training toolkit"),
        ({"TrainingImage": BUILT_IN, **ENTRYPOINT}, "not emulate AlgorithmSpecification.ContainerEntrypoint of the im"),
        ({"TrainingImage": BUILT_IN, **definitions("loss=(.*)")}, "You can't override the metric definitions"),
        ({"TrainingImage": PYTORCH, **ENTRYPOINT, **definitions("loss=(")}, "metric definition loss is invalid"),
        ({"TrainingImage": PYTORCH, **ENTRYPOINT, **definitions("loss=.*")}, "loss needs a group for the value"),
    ],
)
def test_what_would_be_ignored_is_refused(specification: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ServiceError, match=sentence):
        check_program(specification)
