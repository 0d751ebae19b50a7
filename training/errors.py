"""Errors that a user of the training steps can meet; each message is one sentence they can act on."""


class TrainingError(Exception):
    """When a step cannot go on; `run.py` prints the message and exits with 1."""


class ArchiveError(TrainingError):
    """When the photo archive is missing, damaged, or holds what it must not."""


class ArchiveUnavailableError(ArchiveError):
    """When the photo archive cannot be fetched from its URL."""


class DatasetError(TrainingError):
    """When the classes that were asked for cannot be made into a dataset."""


class StackError(TrainingError):
    """When the deployed stack, or the credentials to read it, are missing."""


class StepNotRunError(TrainingError):
    """When a step needs the result of an earlier step that has not been run."""


class TrainingJobError(TrainingError):
    """When the training job fails or is stopped."""


class EndpointError(TrainingError):
    """When the endpoint cannot be brought into service."""


class ThresholdError(TrainingError):
    """When there are no labelled answers to judge thresholds by, or they cannot be read."""


class WorseModelError(EndpointError):
    """When the new model is worse than the one in service, beyond chance."""


class MissingEndpointError(EndpointError):
    """When there is no endpoint."""


class ExecutionsError(TrainingError):
    """When executions of the workflow do not come to an end."""


class BatchError(TrainingError):
    """When a batch of photos cannot be started or read, or has not succeeded."""


class TrafficError(TrainingError):
    """When traffic cannot be sent as it was asked for."""


class CaptureError(TrainingError):
    """When captured inferences are missing or cannot be read."""


class ReviewError(TrainingError):
    """When photos cannot be reviewed, or answers about them cannot be read."""


class CleanupError(TrainingError):
    """When something that the run made is still there after clean-up."""


class PlanError(TrainingError):
    """When a run is refused before it costs anything."""


class OutputError(TrainingError):
    """When the results cannot be written to stdout."""
