"""The AWS that runs on this machine: MiniStack and a SageMaker of our own on one port of 127.0.0.1."""


class LocalCloudError(Exception):
    """When the local cloud cannot do what its command line asks; the message is one sentence."""
