"""What the unit tests of a deployment start from: test photos on disk, and the endpoint of an earlier run."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from tests.unit.training.fakes import DATASET, OURS, SageMaker, client_error
from training.dataset.index import write_index
from training.results import Dataset

KEYS = ["images/test/a 1.png", "images/test/b.png", "images/test/c.png", "images/test/d.png"]
THROTTLED = client_error("ThrottlingException", "Rate exceeded")


def write_photos(directory: Path) -> Dataset:
    """Write four test images, three of them of class 1, and one training image."""
    keys = ["images/train/t.png", *KEYS]
    for key in keys:
        (directory / key).parent.mkdir(parents=True, exist_ok=True)
        (directory / key).write_bytes(key.encode())
    index = pd.DataFrame({"split": ["train"] + ["test"] * 4, "s3_key": keys, "label": [0, 1, 1, 0, 1], "row": 0})
    index["filename"] = [Path(key).name for key in keys]
    write_index(index.assign(class_name="motorcycle"), directory)
    return replace(DATASET, directory=str(directory))


def serve(sagemaker: SageMaker, status: str = "InService", tags: list[dict[str, str]] | None = None) -> None:
    """Make the endpoint that an earlier run left."""
    sagemaker.create_endpoint("s", "s-old", OURS if tags is None else tags)
    sagemaker.endpoints["s"]["statuses"] = [status]
    sagemaker.calls.clear()
