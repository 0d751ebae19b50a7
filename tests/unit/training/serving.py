"""What the unit tests of a deployment start from: test photos on disk, and the endpoint of an earlier run."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import DATASET, OURS, client_error
from training.config import TEST_TAG
from training.dataset.index import write_index
from training.provenance import held_out_fingerprint
from training.results import Dataset

KEYS = ["images/test/a 1.png", "images/test/b.png", "images/test/c.png", "images/test/d.png"]
THROTTLED = client_error("ThrottlingException", "Rate exceeded")


def write_photos(directory: Path, test: dict[str, int] | None = None) -> Dataset:
    """Write one training image and test images, whose labels are given by key: four, three of them of class 1."""
    test = dict(zip(KEYS, (1, 1, 0, 1), strict=True)) if test is None else test
    keys = ["images/train/t.png", *test]
    for key in keys:
        (directory / key).parent.mkdir(parents=True, exist_ok=True)
        (directory / key).write_bytes(key.encode())
    splits = ["train"] + ["test"] * len(test)
    index = pd.DataFrame({"split": splits, "s3_key": keys, "label": [0, *test.values()], "row": 0})
    index["filename"] = [Path(key).name for key in keys]
    write_index(index.assign(class_name="motorcycle"), directory)
    return replace(DATASET, directory=str(directory))


def serve(sagemaker: SageMaker, status: str = "InService", tags: list[dict[str, str]] | None = None) -> None:
    """Make the endpoint that an earlier run left."""
    sagemaker.create_endpoint("s", "s-old", OURS if tags is None else tags)
    sagemaker.endpoints["s"]["statuses"] = [status]
    sagemaker.calls.clear()


def serve_model(sagemaker: SageMaker, dataset: Dataset, tags: list[dict[str, str]] | None = None) -> None:
    """Make the endpoint that an earlier run left, with its configuration and its model `s-model`."""
    tested = {"Key": TEST_TAG, "Value": held_out_fingerprint(dataset)}
    sagemaker.serve("s", [*OURS, tested] if tags is None else tags)
    sagemaker.tags[sagemaker.endpoints["s"]["EndpointArn"]] = OURS
    sagemaker.calls.clear()
