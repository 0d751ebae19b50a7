"""The one error that the user of a job can do something about."""


class InputError(Exception):
    """When hyperparameters, channels or images are not what they must be; the message is one sentence."""
