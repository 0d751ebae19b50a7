"""The words of `monitor`, and what they become."""

from training.arguments import options_for, parse
from training.checks.limits import Limits
from training.options import (
    MonitorOptions,
)


def test_limits_of_the_checks_are_options_of_monitor() -> None:
    words = ["monitor", "--min-accuracy", "0.9", "--max-refused", "0.2", "--max-latency", "5"]
    limits = options_for(MonitorOptions, parse(words)).limits
    assert (limits.min_accuracy, limits.max_refused_share, limits.max_latency) == (0.9, 0.2, 5)
    assert limits.max_failed_share == Limits().max_failed_share
    assert options_for(MonitorOptions, parse(["all"])).limits == Limits()
