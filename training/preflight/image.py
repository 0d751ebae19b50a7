"""Whether AWS has the algorithm's image in the region."""

from collections.abc import Callable

from training.errors import TrainingJobError
from training.preflight.check import Check, passed, problem


def check_image(find: Callable[[], str]) -> Check:
    """Return whether there is an image.

    Args:
        find: Returns the image's URI, or raises a TrainingJobError whose sentence ends in `: <remedy>.`
    """
    subject = "image of the algorithm"
    try:
        return passed(subject, find())
    except TrainingJobError as err:
        finding, _, remedy = str(err).rstrip(".").partition(": ")
        return problem(subject, finding, remedy)
