"""Joins each captured inference to the image that it was made for."""

import numpy as np
import pandas as pd

from training.algorithm.photo_statistics import STATISTICS
from training.captures.frames import probabilities_of
from training.config import inference_id
from training.statistics.profile import probability_name


def known_images(images: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a dataset's index with their `inference_id`, without the rows that share an id.

    Keys that end in the same 64 characters have the same id, and a guess could label an inference wrongly.
    """
    return images.assign(inference_id=images["s3_key"].map(inference_id)).drop_duplicates("inference_id", keep=False)


def why_unlabelled(inferences: pd.DataFrame, images: pd.DataFrame) -> str:
    """Return how many inferences cannot be joined to an image for which reason, "" when all can.

    Args:
        inferences: As `frames.frame` has them.
        images: The dataset's index.
    """
    asked = inferences["inference_id"]
    photos = asked.map(images["s3_key"].map(inference_id).value_counts()).fillna(0)  # that have the id
    unlabelled = {
        "without an inference id": asked.isna(),
        "with an id of no staged photo, so made by another caller": asked.notna() & (photos == 0),
        "with an id that several staged photos share": photos > 1,
    }
    counts = {reason: int(rows.sum()) for reason, rows in unlabelled.items()}
    reasons = sorted(counts, key=lambda reason: -counts[reason])
    return ", ".join(f"{counts[reason]} {reason}" for reason in reasons if counts[reason])


def join(inferences: pd.DataFrame, images: pd.DataFrame, classes: tuple[str, ...], threshold: float) -> pd.DataFrame:
    """Return one row per inference, in the order given, with its image and true class where the id is known.

    Args:
        inferences: As `frames.frame` has them.
        images: `known_images` of the dataset.
        threshold: Confidence below which the workflow refuses an inference; an equal one is accepted.

    Returns:
        Columns `time`, `s3_key`, `filename`, `true_class` (these three missing when the inference cannot be
        joined), `predicted_class`, `confidence` (the largest probability), `below_threshold`,
        `p_<class>` for each class, and the photo's statistics (NaN when it was not captured).

    Raises:
        CaptureError: The number of an inference's probabilities is not the number of classes.
    """
    probabilities = probabilities_of(inferences, classes)  # (inferences, classes)
    confidence = probabilities.max(axis=1)
    found = inferences[["inference_id"]].merge(
        images[["inference_id", "s3_key", "filename", "class_name"]], on="inference_id", how="left"
    )
    return pd.DataFrame(
        {
            "time": inferences["time"].array,
            "s3_key": found["s3_key"],
            "filename": found["filename"],
            "true_class": found["class_name"],
            "predicted_class": np.array(classes, dtype=object)[probabilities.argmax(axis=1)],
            "confidence": confidence,
            "below_threshold": confidence < threshold,
            **{probability_name(name): probabilities[:, label] for label, name in enumerate(classes)},
            **{name: inferences[name].to_numpy() for name in STATISTICS},
        }
    )
