"""The error that the user of a job can fix."""


class InputError(Exception):
    """When hyperparameters, channels or images are invalid; the message is one sentence."""
