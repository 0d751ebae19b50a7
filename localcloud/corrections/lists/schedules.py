"""EventBridge Scheduler: what schedules do."""

from localcloud.corrections import due_schedules, scheduler
from localcloud.corrections.correction import Correction

CORRECTIONS = (
    Correction(
        "schedule-request",
        target="ministack.services.scheduler:handle_request",
        digest="5379852d6e1c",
        replace=scheduler.refuse_unfit_schedules,
        aws="Refuses a schedule whose role does not trust it or may not be passed, or whose time is malformed or past; "
        "MiniStack takes every schedule.",
        link="https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html",
    ),
    Correction(
        "schedule-target",
        target="ministack.services.scheduler:_ticker_loop",
        digest="51e1b1334023",
        replace=due_schedules.call_targets,
        aws="Calls the operation of a universal target as the schedule's role; MiniStack drops the call.",
        link="https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html",
    ),
)
