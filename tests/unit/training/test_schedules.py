"""What a refusal of the Scheduler means for the calls that put, read and delete schedules."""

from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fakes import Scheduler, client_error, make_context, refuse
from training import schedules
from training.context import Context

THROTTLED = client_error("ThrottlingException", "Rate exceeded")
CALLS: dict[str, Callable[[Context], object]] = {
    "update_schedule": lambda context: schedules.put(context, {"Name": "n"}),
    "get_schedule": lambda context: schedules.read(context, "n", "d"),
    "delete_schedule": lambda context: schedules.delete(context, "n"),
}


@pytest.mark.parametrize("operation", CALLS)
def test_only_the_answer_that_there_is_none_means_that(operation: str, tmp_path: Path) -> None:
    scheduler = Scheduler()
    refuse(scheduler, operation, THROTTLED)
    with pytest.raises(ClientError, match="Rate exceeded"):
        CALLS[operation](make_context(tmp_path, scheduler=scheduler))
    assert scheduler.calls == []


@pytest.mark.parametrize(
    ("error", "is_refused"),
    [
        (client_error("AccessDeniedException", "not you"), True),
        (client_error("ValidationException", "The execution role you provide must allow AWS EventBridge"), True),
        (THROTTLED, False),
    ],
)
def test_a_missing_permission_is_told_from_other_errors(error: ClientError, is_refused: bool) -> None:
    assert schedules.is_refused(error) is is_refused
