"""The list of all corrections: where MiniStack differs from AWS in what this application uses, and what mends it.

The rows are in `lists/`, by service: what is replaced, what AWS does, and where that is documented. A test switches
each off and shows that a test marked with its name then fails.
"""

import os
from collections.abc import Iterator

from localcloud import LocalCloudError
from localcloud.corrections import correction as corrections
from localcloud.corrections.correction import Correction
from localcloud.corrections.lists import (
    events,
    functions,
    metrics,
    objects,
    permissions,
    queues,
    saved_state,
    schedules,
    stacks,
    state_machines,
)

WITHOUT = "LOCALCLOUD_WITHOUT"  # the variable that names corrections to leave out, separated by commas

CORRECTIONS = (
    *permissions.CORRECTIONS,
    *objects.CORRECTIONS,
    *stacks.CORRECTIONS,
    *metrics.CORRECTIONS,
    *saved_state.CORRECTIONS,
    *functions.CORRECTIONS,
    *state_machines.CORRECTIONS,
    *schedules.CORRECTIONS,
    *events.CORRECTIONS,
    *queues.CORRECTIONS,
)


def apply() -> None:
    """Correct MiniStack; called once, before the server starts.

    Raises:
        CorrectionError: MiniStack is not the code that the corrections were written against.
        LocalCloudError: WITHOUT names a correction that does not exist.
    """
    corrections.apply(list(chosen(os.environ.get(WITHOUT, ""))))


def chosen(without: str) -> Iterator[Correction]:
    """Yield the corrections whose names are not in a comma-separated list."""
    left_out = {name.strip() for name in without.split(",") if name.strip()}
    if unknown := left_out - {one.name for one in CORRECTIONS}:
        raise LocalCloudError(f"{WITHOUT} names {', '.join(sorted(unknown))}, which is no correction.")
    yield from (one for one in CORRECTIONS if one.name not in left_out)
