"""The figures that a reader looks at first, and those beside them: shares with their intervals."""

from dataclasses import dataclass

from training.report.summaries import Summary
from training.results import RunResults
from training.statistics.intervals import Share


@dataclass(frozen=True)
class Figure:
    """A share of the run and what it is of."""

    name: str  # in the record of a report
    label: str
    share: Share
    note: str
    without: str = ""  # what is said when there are no cases


def leading(summary: Summary, threshold: float) -> tuple[Figure, Figure, Figure]:
    """Return the three figures that say how the run went."""
    unknown = "no true class is known"
    right, accepted = Share(summary.right, summary.labelled), Share(summary.accepted_right, summary.accepted_labelled)
    refused = Share(summary.refused, summary.captured)
    return (
        Figure("accuracy", "Right, refused included", right, "of the inferences with a known class", unknown),
        Figure("refused", f"Refused at {threshold:g}", refused, "of the captured inferences", "nothing was captured"),
        Figure("accepted_right", "Right of the accepted", accepted, "what the workflow lets through", unknown),
    )


def others(summary: Summary, results: RunResults) -> tuple[Figure, ...]:
    """Return the shares that explain the leading ones."""
    executions, deployment, model = results.executions, results.deployment, results.model
    held_back, failed = Share(summary.wrong_refused, summary.wrong), Share(executions.failed, executions.started)
    test = share_of(deployment.test_accuracy, deployment.test_images)
    photos = model.validation_images or results.dataset.validation
    validation = share_of(model.validation_accuracy, photos)
    return (
        Figure("held_back", "Mistakes held back", held_back, "mistakes were refused", "no mistake is known"),
        Figure("failed", "Executions that failed", failed, "executions", "unknown"),
        Figure("test", "Test accuracy", test, "test images, through the endpoint", "not tested"),
        Figure("validation", "Validation accuracy", validation, "images that the network had not seen", "unknown"),
    )


def share_of(accuracy: float, images: int) -> Share:
    """Return an accuracy as counts, without cases when it is NaN."""
    return Share(round(accuracy * images), images) if images and accuracy == accuracy else Share(0, 0)
