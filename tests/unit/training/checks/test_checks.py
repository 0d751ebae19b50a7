"""Scope: refusals, failures, latency, captures and drift against their limits."""

from dataclasses import replace

import pytest

from tests.unit.training.checks.evidence import HEALTHY, OTHER, SAME, drift
from training.checks import captures, failures, latency, refusals
from training.checks import drift as drifts
from training.checks.limits import Limits
from training.statistics.drifts import Drift
from training.statistics.intervals import Share, quantile

LIMITS = Limits()


@pytest.mark.parametrize(
    ("refused", "captured", "state"),
    [
        (0, 200, "healthy"),
        (113, 200, "healthy"),  # .565 (.496 to .632): the interval has the limit in it
        (115, 200, "check"),  # .575 (.506 to .641)
        (200, 200, "check"),
        (29, 29, "unknown"),
        (30, 30, "check"),
    ],
)
def test_refusals_have_a_band(refused: int, captured: int, state: str) -> None:
    found = refusals.check(replace(HEALTHY, refused=refused, captured=captured), LIMITS)
    assert found.state == state
    assert found.value == refused / captured and found.limit.most == 0.5


def test_too_few_refusals_are_told_where_some_are_usual() -> None:
    limits = Limits(min_refused_share=0.05)
    assert refusals.check(replace(HEALTHY, refused=1), limits).state == "check"
    assert refusals.check(replace(HEALTHY, refused=6), limits).state == "healthy"
    assert "fewer than the 5.0%" in refusals.check(replace(HEALTHY, refused=1), limits).sentence


@pytest.mark.parametrize(
    ("failed", "started", "state"),
    [
        (0, 200, "healthy"),
        (16, 200, "healthy"),  # .080 (.0499 to .126)
        (17, 200, "check"),  # .085 (.054 to .132)
        (113, 200, "check"),
        (114, 200, "stop"),
        (0, 7, "unknown"),
        (1, 7, "unknown"),
        (7, 7, "stop"),
    ],
)
def test_failures_stop_when_most_executions_fail(failed: int, started: int, state: str) -> None:
    found = failures.check(replace(HEALTHY, failed=Share(failed, started)), LIMITS)
    assert found.state == state
    assert f"{failed} of {started} executions failed" in found.sentence


def test_unknown_executions_are_no_failures() -> None:
    for unknown in (None, Share(0, 0)):
        assert failures.check(replace(HEALTHY, failed=unknown), LIMITS).state == "unknown"


@pytest.mark.parametrize(
    ("seconds", "state"),
    [
        ([1.0] * 200, "healthy"),
        ([1.0] * 192 + [99.0] * 8, "healthy"),
        ([1.0] * 185 + [99.0] * 15, "healthy"),  # more than 5 %, but not beyond chance
        ([1.0] * 180 + [99.0] * 20, "check"),
        ([99.0] * 30, "check"),
        ([99.0] * 29, "unknown"),
    ],
)
def test_latency_is_that_of_nearly_all_executions(seconds: list[float], state: str) -> None:
    assert latency.check(replace(HEALTHY, latency=quantile(seconds, 0.95)), LIMITS).state == state


def test_an_open_end_of_the_latency_is_said() -> None:
    found = latency.check(replace(HEALTHY, latency=quantile([1.0, 2.0] * 20, 0.95)), LIMITS)
    assert "95% of 40 executions took at most 2.0 s (2.0 s or more)" in found.sentence
    assert latency.check(replace(HEALTHY, latency=None), LIMITS).state == "unknown"


def test_captures_are_complete_or_missing() -> None:
    found = captures.check(replace(HEALTHY, captured=150))
    assert (found.state, found.value) == ("check", 0.75)
    assert "50 of 200 expected inferences were not captured" in found.sentence
    assert captures.check(replace(HEALTHY, captured=201)).state == "healthy"
    assert captures.check(replace(HEALTHY, expected=None)).state == "unknown"


def test_drift_names_what_differs_and_the_greatest_effect() -> None:
    found = drifts.check(replace(HEALTHY, drift=OTHER), LIMITS)
    assert found.state == "check"
    assert found.sentence.startswith("Different from the photos held out of training: sharpness, confidence;")
    assert "most of all sharpness by 0.61 (Kolmogorov-Smirnov distance, p = 1e-09, 200 photos)" in found.sentence
    assert "brightness" not in found.sentence
    assert (found.value, found.limit.least) == (1e-9, 0.01)


def test_a_martingale_alarms_from_its_limit_on() -> None:
    one = Drift("contrast", "martingale", 60, 250.0, 100.0, 0.4, alarm=True)
    found = drifts.check(replace(HEALTHY, drift=(*SAME, one)), LIMITS)
    assert (found.state, found.limit.most, found.limit.least) == ("check", 100.0, None)
    assert "martingale 2.5e+02, 60 photos" in found.sentence


def test_drift_is_unknown_without_a_profile_or_photos() -> None:
    for nothing in (None, ()):
        assert drifts.check(replace(HEALTHY, drift=nothing), LIMITS).state == "unknown"
    few = drifts.check(replace(HEALTHY, drift=(drift("brightness", 1e-9, 0.9, photos=29),)), LIMITS)
    assert (few.state, few.sentence) == ("unknown", "Drift shows in many photos only; not enough: 29 of 30.")
