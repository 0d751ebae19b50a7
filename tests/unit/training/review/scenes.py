"""What the tests of the review share: a selection, its photos and answers."""

import io
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from training.review.answers import Answer, photo_path
from training.review.selection import REFUSED

CLASSES = ("bicycle", "motorcycle")
THRESHOLD = 0.93
ANSWER = Answer(
    event_id="e1",
    inference_id="images/test/a.png",
    s3_key="images/test/a.png",
    version="",
    answer="bicycle",
    time="2026-01-02T10:00:00+00:00",
    stratum=REFUSED,
    inclusion_probability=1.0,
    inference_time="2026-01-01T23:30:00+00:00",
    predicted_class="motorcycle",
    confidence=0.6,
    threshold=THRESHOLD,
)


def photo(color: str = "red", kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), color).save(buffer, kind)
    return buffer.getvalue()


def selection(number: int) -> pd.DataFrame:
    """Return inferences e0, e1, ... as they are selected; every second one is refused."""
    rows: list[dict[str, Any]] = [
        {
            "event_id": f"e{one}",
            "inference_id": f"images/test/{one}.png",
            "time": pd.Timestamp("2026-01-01T12:00:00Z"),
            "s3_key": f"images/test/{one}.png" if one else None,
            "true_class": None,
            "predicted_class": CLASSES[one % 2],
            "confidence": 0.6 if one % 2 else 0.97,
            "below_threshold": bool(one % 2),
            "stratum": "refused" if one % 2 else "accepted",
            "inclusion_probability": 0.5,
        }
        for one in range(number)
    ]
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["event_id"])


def keep_photos(directory: Path, number: int) -> None:
    """Put photos where a review keeps them."""
    for one in range(number):
        path = photo_path(directory, f"e{one}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo())
