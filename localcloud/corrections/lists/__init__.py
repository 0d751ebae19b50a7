"""The corrections, in a list for each service."""
