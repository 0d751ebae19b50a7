"""Scope: the verdict of a healthy, a drifted, a broken, an unlabelled and a tiny run."""

import json
from dataclasses import replace

import pytest

from tests.unit.training.checks import evidence as runs
from training.checks.evidence import Evidence
from training.checks.limits import Limits
from training.checks.verdict import NOTHING, Verdict, as_json, judge
from training.statistics.intervals import Share


def verdict(evidence: Evidence) -> Verdict:
    return judge(evidence, Limits())


def states(evidence: Evidence) -> dict[str, str]:
    return {check.name: check.state for check in verdict(evidence).checks}


def test_a_healthy_run_needs_nothing() -> None:
    found = verdict(runs.HEALTHY)
    assert set(states(runs.HEALTHY).values()) == {"healthy"}
    assert (found.state, found.action) == ("healthy", NOTHING)
    assert found.why.startswith("190 of 200 with a known class are right: 95.0% (91.0% to 97.3%)")


def test_a_drifted_run_is_to_be_looked_at() -> None:
    found = verdict(runs.DRIFTED)
    assert found.state == "check"
    assert states(runs.DRIFTED) == {
        "accuracy": "check",
        "refusals": "healthy",
        "drift": "check",
        "failures": "healthy",
        "latency": "healthy",
        "captures": "healthy",
    }
    assert "165 of 200" in found.why and "held out of training: sharpness, confidence;" in found.why
    assert "Look at the mistakes" in found.action and "Look at the photos" in found.action


@pytest.mark.parametrize("broken", [runs.ALL_WRONG, runs.ONE_CLASS])
def test_a_broken_run_is_stopped_although_its_test_was_as_bad(broken: Evidence) -> None:
    found = verdict(broken)
    assert found.state == "stop"
    assert found.action.startswith("Do not use its answers.")
    assert [check.name for check in found.checks if check.state == "stop"] == ["accuracy"]


def test_the_worst_check_decides_and_is_told_first() -> None:
    found = verdict(replace(runs.ALL_WRONG, drift=runs.OTHER, captured=200, expected=210))
    assert found.state == "stop"
    assert found.why.index("0 of 200") < found.why.index("sharpness") < found.why.index("10 of 210")


def test_without_labels_undrifted_photos_are_the_evidence() -> None:
    found = verdict(runs.UNLABELLED)
    assert states(runs.UNLABELLED)["accuracy"] == "unknown"
    assert found.state == "healthy" and "Nothing differs beyond chance" in found.why and "No true class" in found.why
    assert "Label a sample" in found.action


@pytest.mark.parametrize("run", [replace(runs.UNLABELLED, drift=None), runs.TINY])
def test_nobody_calls_a_model_healthy_of_which_nothing_is_known(run: Evidence) -> None:
    found = verdict(run)
    assert found.state == "check"
    assert found.why.startswith("Nothing tells whether the model is right.")


def test_a_tiny_run_says_how_much_is_missing() -> None:
    tiny = states(runs.TINY)
    assert tiny.pop("captures") == "healthy"
    assert set(tiny.values()) == {"unknown"}
    assert all(
        "ot enough: 7 of 30" in check.sentence for check in verdict(runs.TINY).checks if check.state == "unknown"
    )


def test_the_verdict_is_json_without_infinite_numbers() -> None:
    found = as_json(verdict(runs.TINY))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {"state", "why", "action", "checks"}
    latency = found["checks"][4]
    assert latency["name"] == "latency" and latency["interval"][1] is None and latency["unit"] == "seconds"
    accuracy = found["checks"][0]
    assert accuracy["value"] == 1.0 and accuracy["limit"] == {"least": pytest.approx(0.9231, abs=1e-4), "most": None}


def test_what_is_counted_is_independent_of_the_order_of_the_classes() -> None:
    turned = replace(runs.DRIFTED, classes=runs.CLASSES[::-1])
    assert verdict(turned) == verdict(runs.DRIFTED)


def test_executions_that_nearly_all_fail_stop() -> None:
    assert verdict(replace(runs.HEALTHY, failed=Share(190, 200))).state == "stop"
