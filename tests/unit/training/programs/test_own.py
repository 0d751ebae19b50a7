"""Our own program: its image in every partition, and what is sent with it."""

import ast
import re
import sys
import threading
from pathlib import Path

import pytest

from tests.unit.training.algorithm.jobs import make_job
from tests.unit.training.fakes import DATASET
from training.algorithm.package import CODE_DIRECTORY, START_FILE
from training.algorithm.train import run
from training.errors import TrainingJobError
from training.job_metrics import metric_rows
from training.options import TrainOptions
from training.programs import own
from training.programs.code import PACKAGE
from training.programs.own import METRIC_DEFINITIONS, own_program, pytorch_image

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("region", "registry"),
    [
        ("us-east-1", "763104351884.dkr.ecr.us-east-1.amazonaws.com"),
        ("cn-north-1", "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "442386744353.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("mx-central-1", "637423239942.dkr.ecr.mx-central-1.amazonaws.com"),
    ],
)
def test_the_image_is_offered_in_every_partition(region: str, registry: str) -> None:
    assert pytorch_image(region) == f"{registry}/pytorch:2.13-cpu-amzn2023-sagemaker"


def test_the_image_has_the_pytorch_that_is_pinned() -> None:
    (pin,) = re.findall(r"torch==([0-9.]+)", (ROOT / "pyproject.toml").read_text())
    assert pin.rpartition(".")[0] == own.VERSION


def test_a_region_without_the_image_is_named() -> None:
    with pytest.raises(TrainingJobError, match=r"image 2\.13 is not offered in moon-1: .*--image-uri"):
        pytorch_image("moon-1")


def test_a_machine_with_a_gpu_gets_the_same_image() -> None:
    options = TrainOptions(instance_type="ml.g5.xlarge")
    program = own_program(DATASET, options, "us-east-1")
    assert (program.instance_type, program.image_uri) == ("ml.g5.xlarge", pytorch_image("us-east-1"))


def test_what_the_user_gave_goes_before_what_follows_from_the_data() -> None:
    options = TrainOptions(hyperparameters={"epochs": "3"})
    assert own_program(DATASET, options, "us-east-1").hyperparameters == {
        "num_classes": "2",
        "num_training_samples": "90",
        "image_shape": "3,32,32",
        "epochs": "3",
    }


def test_the_program_s_lines_are_measured_as_they_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SageMaker measures by our definitions what the train step reads from the log."""
    run(make_job(tmp_path), threading.Event())
    lines = capsys.readouterr().out.splitlines()
    read = {(row["metric"], row["value"]) for line in lines for row in metric_rows(line)}
    found = ((name, re.search(regex, line)) for line in lines for name, regex in METRIC_DEFINITIONS.items())
    assert {(name, float(match[1])) for name, match in found if match} == read
    assert {name for name, _ in read} == set(METRIC_DEFINITIONS)


def test_serving_starts_the_file_that_the_program_leaves_in_the_archive() -> None:
    assert own.SERVING_ENVIRONMENT["BASH_ENV"] == f"/opt/ml/model/{CODE_DIRECTORY}/{START_FILE}"


def test_the_image_of_one_s_own_starts_the_program_and_has_the_pytorch_that_is_pinned() -> None:
    """SageMaker starts it with `train` or `serve`; what `python -m algorithm` does with them, test_package shows."""
    text = (ROOT / "training" / "Dockerfile").read_text()
    assert re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE) == ['["python", "-m", "algorithm"]']
    sources = re.findall(r"^COPY (\S+) /opt/program/", text, re.MULTILINE)
    assert sources == ["image-requirements.txt", "algorithm"]
    assert all((ROOT / "training" / source).exists() for source in sources)
    pins = (ROOT / "training" / "image-requirements.txt").read_text().splitlines()
    assert [pin for pin in pins if pin.startswith("torch==")] == [f"torch=={own.VERSION}.0"]


def test_the_image_of_one_s_own_has_what_the_program_imports() -> None:
    pins = (ROOT / "training" / "image-requirements.txt").read_text()
    imported = {
        name.split(".")[0]
        for path in PACKAGE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in names_imported(node)
    } - sys.stdlib_module_names
    packages = {"PIL": "pillow"}
    assert imported
    assert {packages.get(name, name) for name in imported} == set(re.findall(r"^([a-z]+)==", pins, re.MULTILINE))


def names_imported(node: ast.AST) -> list[str]:
    """Return the modules of other packages that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
