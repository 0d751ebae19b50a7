"""Joins each captured inference to the image that it was made for."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.algorithm.photo_statistics import STATISTICS
from training.config import inference_id
from training.errors import CaptureError
from training.report.capture import CapturedInference
from training.statistics.profile import probability_name


def known_images(images: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a dataset's index with their `inference_id`, without the rows that share an id.

    Keys that end in the same 64 characters have the same id, and a guess could label an inference wrongly.
    """
    return images.assign(inference_id=images["s3_key"].map(inference_id)).drop_duplicates("inference_id", keep=False)


def why_unlabelled(inferences: Iterable[CapturedInference], images: pd.DataFrame) -> str:
    """Return how many inferences cannot be joined to an image for which reason, "" when all can.

    Args:
        images: The dataset's index.
    """
    ids = Counter(map(inference_id, images["s3_key"]))
    reasons = Counter(
        "without an inference id"
        if inference.inference_id is None
        else "with an id of no staged photo, so made by another caller"
        if not ids[inference.inference_id]
        else "with an id that several staged photos share"
        for inference in inferences
        if inference.inference_id is None or ids[inference.inference_id] != 1
    )
    return ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())


def join(
    inferences: Iterable[CapturedInference], images: pd.DataFrame, classes: tuple[str, ...], threshold: float
) -> pd.DataFrame:
    """Return one row per inference, in chronological order, with its image and true class where the id is known.

    Args:
        images: `known_images` of the dataset.
        threshold: Confidence below which the workflow refuses an inference; an equal one is accepted.

    Returns:
        Columns `time`, `s3_key`, `filename`, `true_class` (these three missing when the inference cannot be
        joined), `predicted_class`, `confidence` (the largest probability), `below_threshold`,
        `p_<class>` for each class, and the photo's statistics (NaN when it was not captured).

    Raises:
        CaptureError: The number of an inference's probabilities is not the number of classes.
    """
    rows = list(inferences)
    probabilities = _matrix(rows, classes)  # (inferences, classes)
    confidence = probabilities.max(axis=1)
    found = pd.DataFrame({"inference_id": [row.inference_id for row in rows]}, dtype=object).merge(
        images[["inference_id", "s3_key", "filename", "class_name"]], on="inference_id", how="left"
    )
    return pd.DataFrame(
        {
            "time": pd.to_datetime([row.time for row in rows], utc=True),
            "s3_key": found["s3_key"],
            "filename": found["filename"],
            "true_class": found["class_name"],
            "predicted_class": np.array(classes, dtype=object)[probabilities.argmax(axis=1)],
            "confidence": confidence,
            "below_threshold": confidence < threshold,
            **{probability_name(name): probabilities[:, label] for label, name in enumerate(classes)},
            **{name: [row.statistics[place] for row in rows] for place, name in enumerate(STATISTICS)},
        }
    )


def _matrix(inferences: list[CapturedInference], classes: tuple[str, ...]) -> npt.NDArray[np.float64]:
    for inference in inferences:
        if len(inference.probabilities) != len(classes):
            raise CaptureError(
                f"The inference captured at {inference.time:%Y-%m-%d %H:%M:%S} UTC has {len(inference.probabilities)} "
                f"probabilities for the {len(classes)} classes {', '.join(classes)}: "
                "deploy a model of these classes and run the test step again."
            )
    return np.array([inference.probabilities for inference in inferences]).reshape(-1, len(classes))
