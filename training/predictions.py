"""An endpoint's answers for the test images of the staged dataset, which are kept: an endpoint is deleted one day."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from rich.progress import track

from training.config import inference_id, local_path
from training.context import Context
from training.csv_files import read_csv, write_csv
from training.dataset.index import read_index
from training.provenance import other_dataset
from training.results import Dataset

WORKERS = 8  # concurrent invocations
FILENAME = "predictions.csv"  # in the run's directory
KEPT: dict[str, Any] = {  # column -> type
    "time": str,  # ISO 8601, UTC; the model was in service from then on
    "model": str,  # its name in SageMaker, which is that of its training job
    "s3_key": str,
    "true_class": str,
    "predicted_class": str,
    "confidence": float,  # in [0, 1]
}


def predict(
    context: Context, dataset: Dataset, endpoint_name: str, id_of: Callable[[str], str] = inference_id
) -> pd.DataFrame:
    """Return the test images of the index with the columns `predicted` (label) and `confidence` (in [0, 1]).

    Args:
        id_of: Returns the InferenceId that is sent for an S3 key.

    Raises:
        EndpointError: The endpoint answers with another number of probabilities than the dataset has classes.
    """
    index = read_index(dataset.directory)
    images = index[index["split"] == "test"]
    runtime = context.clients.sagemaker_runtime

    def classify(s3_key: str) -> list[float]:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint_name,
            ContentType="image/png",
            Accept="application/json",
            InferenceId=id_of(s3_key),
            Body=local_path(dataset.directory, s3_key).read_bytes(),
        )
        probabilities: list[float] = json.loads(answer["Body"].read())
        return probabilities

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = pool.map(classify, images["s3_key"])
        rows = list(track(answers, "Test images", len(images), console=context.console, transient=True))
    if any(len(row) != len(dataset.classes) for row in rows):
        raise other_dataset(f"The model that endpoint {endpoint_name} serves", dataset)
    return images.assign(predicted=[row.index(max(row)) for row in rows], confidence=[max(row) for row in rows])


def keep(directory: Path, predictions: pd.DataFrame, dataset: Dataset, model: str) -> None:
    """Write what a model predicted to `<directory>/predictions.csv`, in place of an earlier model's."""
    predicted = [dataset.classes[label] for label in predictions["predicted"]]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    kept = predictions.assign(time=now, model=model, true_class=predictions["class_name"], predicted_class=predicted)
    write_csv(kept[[*KEPT]], directory / FILENAME)


def kept(directory: Path) -> pd.DataFrame | None:
    """Return what `keep` wrote, with the columns of `KEPT`; None when it is missing or damaged."""
    try:
        return read_csv(directory / FILENAME, KEPT)
    except (FileNotFoundError, ValueError):
        return None


def is_right(predictions: pd.DataFrame) -> list[bool]:
    """Return for each of the predicted images whether its class was predicted."""
    return [bool(right) for right in predictions["label"] == predictions["predicted"]]


def show_prediction(context: Context, predictions: pd.DataFrame, dataset: Dataset) -> None:
    """Print the endpoint's answer for the first test image."""
    first = predictions.iloc[0]
    context.console.print(
        f"{first['filename']}: {dataset.classes[first['predicted']]} ({first['confidence']:.1%}), "
        f"labelled {first['class_name']}"
    )
