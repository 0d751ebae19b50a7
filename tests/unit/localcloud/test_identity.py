from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalResult

from localcloud import identity
from localcloud.identity import Permission

KEY = "ASIAEXAMPLE"
INVOKE = Permission("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:000000000000:function:one")


class Evaluator:
    """Stands for MiniStack's."""

    def __init__(self) -> None:
        self.refused: EvalResult | None = None
        self.judged = 0

    def enforce(self, *_: Any, **__: Any) -> EvalResult | None:
        self.judged += 1
        return self.refused


@pytest.fixture
def evaluator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Evaluator]:
    evaluator = Evaluator()
    monkeypatch.setattr(iam_evaluator, "enforce", evaluator.enforce)
    identity.forget_what_is_allowed()
    yield evaluator
    identity.forget_what_is_allowed()


def test_what_is_allowed_is_judged_once_a_second(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        assert identity.denial(KEY, INVOKE) is None
    assert evaluator.judged == 1
    monkeypatch.setattr(identity, "_allowed", dict.fromkeys(identity._allowed, 0.0))
    assert identity.denial(KEY, INVOKE) is None
    assert evaluator.judged == 2


def test_another_caller_action_resource_or_context_is_judged_for_itself(evaluator: Evaluator) -> None:
    identity.denial(KEY, INVOKE)
    others = [
        (f"{KEY}2", INVOKE),
        (KEY, Permission("lambda:GetFunction", INVOKE.resource_arn)),
        (KEY, Permission(INVOKE.action, f"{INVOKE.resource_arn}:1")),
        (KEY, Permission(INVOKE.action, INVOKE.resource_arn, {"key": "value"})),
    ]
    for access_key, permission in others:
        identity.denial(access_key, permission)
    assert evaluator.judged == 5


def test_a_denial_is_judged_each_time(evaluator: Evaluator) -> None:
    evaluator.refused = EvalResult("ImplicitDeny", principal_arn="arn:aws:iam::000000000000:role/one")
    for _ in range(2):
        assert identity.denial(KEY, INVOKE) is not None
    evaluator.refused = None
    assert identity.denial(KEY, INVOKE) is None
    assert evaluator.judged == 3


def test_a_request_that_may_change_policies_is_followed_by_new_judgements(evaluator: Evaluator) -> None:
    assert identity.denial(KEY, INVOKE) is None
    evaluator.refused = EvalResult("Deny", principal_arn="arn:aws:iam::000000000000:role/one")
    identity.forget_what_is_allowed()
    assert identity.denial(KEY, INVOKE) is not None
