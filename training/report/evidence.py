"""What the checks need to know, counted from captured inferences and from what the steps left behind."""

from pathlib import Path

import pandas as pd

from training.checks.evidence import Evidence
from training.checks.limits import LATENCY_PART
from training.csv_files import read_csv, read_texts
from training.report.outcomes import outcomes, repeated
from training.results import Deployment, Executions
from training.statistics.intervals import Quantile, Share, quantile


def of_inferences(inferences: pd.DataFrame, classes: tuple[str, ...], expected: int | None) -> Evidence:
    """Count inferences; nothing is known of executions, tests and drift.

    Answers are counted once for each photo: a model says the same of the same photo again, and an interval for as many
    independent cases would be too narrow.

    Args:
        inferences: The table of `inferences.join`.
        expected: The least number of inferences that should have been captured, None when nobody knows.
    """
    found = outcomes(inferences)
    once = inferences[~repeated(inferences)]
    counts = once.groupby(["true_class", "predicted_class"], dropna=False, sort=False).size().reset_index()
    answers = {
        (None if pd.isna(true) else str(true), str(said)): int(count)
        for true, said, count in counts.itertuples(index=False)
    }
    return Evidence(classes, len(inferences), expected, int(found.refused.sum()), answers)


def tested(deployment: Deployment) -> Share | None:
    """Return how many of the test photos were right when the model was deployed, None without test photos."""
    photos = deployment.test_images
    return Share(round(deployment.test_accuracy * photos), photos) if photos else None


def failed(executions: Executions) -> Share:
    return Share(executions.failed, executions.started)


def commonest_error(path: Path) -> str:
    """Return what most failed executions of a test step's table ended with, "" when that is unknown."""
    try:
        table = read_texts(path)
        errors = table.loc[~table["outcome"].isin(("succeeded", "below threshold")), "error"]
    except (OSError, ValueError, KeyError):
        return ""
    return str(errors.value_counts().index[0]) if len(errors) else ""


def latency(path: Path) -> Quantile | None:
    """Return the duration of the executions in a test step's table, None when that is missing or damaged.

    What a user waits for is the whole execution, cold starts and queues included; the endpoint's own time, which
    CloudWatch has, is a part of it, and an alarm guards that already.
    """
    try:
        seconds = pd.read_csv(path, usecols=["seconds"])["seconds"].dropna().astype(float)  # NaN: not started
    except (OSError, ValueError):
        return None
    return quantile(list(seconds), LATENCY_PART) if len(seconds) else None


def metrics(path: Path) -> pd.DataFrame | None:
    """Return what a training left of its epochs, None when the table is missing, damaged or without accuracies."""
    try:
        table = read_csv(path, {"epoch": int, "metric": str, "value": float})
    except (OSError, ValueError):
        return None
    return table if table["metric"].isin(("train:accuracy", "validation:accuracy")).any() else None
