"""Tables of inferences for the figures, as `inferences.join` returns them."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

CLASSES = ("bicycle", "motorcycle")
START = pd.Timestamp("2026-05-04T12:00:00Z")
THRESHOLD = 0.93


def table(*rows: tuple[int, str | None, str, float], threshold: float = THRESHOLD) -> pd.DataFrame:
    """Make inferences from second, true class, predicted class and confidence."""
    seconds, true, predicted, confidence = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "time": START + pd.to_timedelta(seconds, unit="s"),
            "s3_key": [None if name is None else f"photos/{number}.png" for number, name in enumerate(true)],
            "true_class": pd.Series(true, dtype=object),
            "predicted_class": predicted,
            "confidence": confidence,
            "below_threshold": np.array(confidence) < threshold,
        }
    )


FEW = table(
    (0, "bicycle", "bicycle", 0.99),
    (0, "bicycle", "bicycle", 0.93),
    (4, "bicycle", "motorcycle", 0.97),
    (9, "motorcycle", "motorcycle", 0.55),
    (9, "motorcycle", "bicycle", 0.61),
    (30, None, "motorcycle", 0.98),
)


def many(count: int, classes: tuple[str, ...]) -> pd.DataFrame:
    random = np.random.default_rng(0)
    true, predicted = random.choice(classes, (2, count))
    confidence = random.uniform(1 / len(classes), 1, count)
    return table(*zip(random.integers(0, 3600, count), true, predicted, confidence, strict=True))


def draw(figure: Figure) -> Figure:
    figure.draw_without_rendering()
    return figure
