"""The options of the command line for the step `monitor`."""

import argparse

from training.argument_types import fraction, recurrence, whole_number
from training.checks.limits import LATENCY_PART, Limits
from training.options import MonitorOptions

MAX_WAIT = 86_400  # seconds


def add_monitor_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--capture-timeout",
        type=whole_number(1, MAX_WAIT),
        default=MonitorOptions.capture_timeout,
        metavar="SECONDS",
        help="time to wait for captured inferences; AWS delivers them after minutes",
    )
    add(
        "--schedule",
        type=recurrence,
        metavar="RATE",
        help='do not look now, but let AWS do it again and again, also while this machine is off: "rate(1 day)", '
        '"rate(6 hours)" or a cron expression of EventBridge Scheduler; "never" ends that',
    )
    add_limits(group)


def add_limits(group: argparse._ArgumentGroup) -> None:
    """Add what the checks allow: an interval of 95 % must lie wholly beyond a limit."""
    add = group.add_argument
    add(
        "--min-accuracy",
        type=fraction,
        metavar="SHARE",
        help="verdict stop: fewer of the photos with a known class are right (default: verdict check when fewer are "
        "right than of the test photos; a model no better than chance is always stopped)",
    )
    shares = {
        "max-refused-share": "verdict check: more photos are below the threshold",
        "min-refused-share": "verdict check: fewer photos are below the threshold",
        "max-failed-share": "verdict check: more executions fail (stop: most do); a refusal is no failure",
    }
    for name, meaning in shares.items():
        default = getattr(Limits, name.replace("-", "_"))
        add(f"--{name}", type=fraction, default=default, metavar="SHARE", help=meaning)
    add(
        "--max-latency",
        type=whole_number(1, MAX_WAIT),
        default=int(Limits.max_latency),
        metavar="SECONDS",
        help=f"verdict check: {LATENCY_PART:.0%} of the executions do not end within this time".replace("%", "%%"),
    )
