"""Provokes faults on purpose and tells what happened: `make drill`."""
