"""Which images the local cloud runs something for, and how /opt/ml becomes a container's own directory."""

from pathlib import Path

import pytest

from localcloud.sagemaker.images import ImageNotFoundError, in_base, program_for
from training.programs.builtin import builtin_image
from training.programs.own import pytorch_image

ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
BASE = Path("/state/a job")


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1"])
def test_the_images_that_training_asks_for_have_a_program(region: str) -> None:
    assert program_for(builtin_image(region)).is_built_in
    assert program_for(pytorch_image(region)).command[0] == "bash"


@pytest.mark.parametrize(
    "image",
    [
        f"{ECR}/pytorch:2.12-cpu-amzn2023-sagemaker",
        f"{ECR}/pytorch:2.13-cu133-amzn2023-sagemaker",
        f"{ECR}/pytorch:2.13-cpu-amzn2023",
        f"{ECR}/pytorch",
        f"{ECR}/pytorch@sha256:{'0' * 64}",
        f"{ECR}/pytorch-training:2.6.0-cpu-py312-ubuntu22.04-sagemaker",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/scones:1",
    ],
)
def test_other_images_are_refused_by_the_names_of_those_that_run(image: str) -> None:
    known = "no Docker and runs only image-classification, pytorch:2.13-cpu-amzn2023-sagemaker"
    with pytest.raises(ImageNotFoundError, match=known):
        program_for(image)


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("/opt/ml", "/state/a job"),
        ("/opt/ml/input/data/code", "/state/a job/input/data/code"),
        ("/mine:/opt/ml/model/code:/opt/ml", "/mine:/state/a job/model/code:/state/a job"),
        ("--data=/opt/ml/input", "--data=/state/a job/input"),
        ("source '/opt/ml/model/x.sh'", "source '/state/a job/model/x.sh'"),
        ("/mnt/opt/ml/model", "/mnt/opt/ml/model"),
        ("/opt/mlflow", "/opt/mlflow"),
        ("/opt/ml.old/x", "/opt/ml.old/x"),
        ("opt/ml", "opt/ml"),
    ],
)
def test_only_the_container_s_own_directory_is_mapped(text: str, mapped: str) -> None:
    assert in_base(text, BASE) == mapped
