"""The errors that the user of a job can fix."""


class InputError(Exception):
    """When hyperparameters, channels or images are invalid; the message is one sentence."""


class NoImageError(InputError):
    """When bytes are not an image of a format that is read."""


class DamagedImageError(InputError):
    """When an image is cut off, or cannot be decoded for another reason."""


class LargeImageError(InputError):
    """When an image has more pixels or scans than are read."""


class SmallImageError(InputError):
    """When an image has fewer pixels than are useful."""
