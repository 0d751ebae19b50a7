"""SimulatePrincipalPolicy and SimulateCustomPolicy, answered by the evaluator that judges every request here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.services import iam

from localcloud import identity

Parameters = dict[str, Any]
Answer = Any  # status, headers and body
DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}
SEVERITY = ("allowed", "implicitDeny", "explicitDeny")  # the decision on several resources is the most severe
EMULATED = (
    "Action",
    "Version",
    "PolicySourceArn",
    "PolicyInputList",
    "PermissionsBoundaryPolicyInputList",
    "ActionNames",
    "ResourceArns",
    "ContextEntries",
)
KNOWN = ("aws:principal", "aws:resourceaccount", "aws:requestedregion", "aws:currenttime", "aws:epochtime")


class RefusedError(Exception):
    """When IAM refuses the request; its arguments are status, code and message."""


@dataclass(frozen=True)
class Principal:
    """A user or role, with its policies and what limits them."""

    arn: str
    kind: str  # User or Role
    policies: list[Any]
    limits: list[Any]


@dataclass(frozen=True)
class Verdict:
    """The decision on one action and one resource."""

    decision: str
    missing: list[str]  # condition keys that have no value


def answer_by_the_evaluator(original: Callable[[Parameters], Answer]) -> Callable[[Parameters], Answer]:
    """Simulate the policies of a user or role, and those that the request adds."""

    def simulate_principal_policy(p: Parameters) -> Answer:
        return answer("SimulatePrincipalPolicy", p, lambda: find_principal(iam._p(p, "PolicySourceArn")))

    return simulate_principal_policy


def answer_custom_by_the_evaluator(original: Callable[[Parameters], Answer]) -> Callable[[Parameters], Answer]:
    """Simulate the policies that the request has, for nobody in particular."""

    def simulate_custom_policy(p: Parameters) -> Answer:
        nobody = f"arn:aws:iam::{identity.account_id()}:user/simulated"
        return answer("SimulateCustomPolicy", p, lambda: Principal(nobody, "User", [], []))

    return simulate_custom_policy


def answer(operation: str, p: Parameters, principal: Callable[[], Principal]) -> Answer:
    """Return the reply to a simulation; `principal` may raise RefusedError."""
    try:
        results = "".join(simulate(p, principal))
    except RefusedError as err:
        return iam._error(*err.args)
    return iam._xml(
        200,
        f"{operation}Response",
        f"<{operation}Result><EvaluationResults>{results}</EvaluationResults>"
        f"<IsTruncated>false</IsTruncated></{operation}Result>",
    )


def simulate(p: Parameters, principal: Callable[[], Principal]) -> Iterator[str]:
    """Yield the result for each action.

    Raises:
        RefusedError: The principal is none that has policies, a policy is malformed, or a parameter is not emulated.
    """
    foreign = sorted({name.partition(".")[0] for name in p} - set(EMULATED))
    if foreign:
        raise RefusedError(400, "InvalidInput", f"The local cloud does not emulate {foreign[0]} of this operation.")
    judged = with_input(principal(), p)
    context, resources = context_of(p), members(p, "ResourceArns") or ["*"]
    for action in members(p, "ActionNames"):
        yield as_xml(action, {resource: judge(judged, action, resource, context) for resource in resources})


def with_input(principal: Principal, p: Parameters) -> Principal:
    """Return a principal that also has the policies of the request; its boundary, if given, replaces the principal's.

    Raises:
        RefusedError: A policy is malformed.
    """
    boundary = parsed(p, "PermissionsBoundaryPolicyInputList")
    policies = [*principal.policies, *parsed(p, "PolicyInputList")]
    return replace(principal, policies=policies, limits=[boundary] if boundary else principal.limits)


def parsed(p: Parameters, name: str) -> list[Any]:
    documents = members(p, name)
    for document in documents:
        if problem := iam_evaluator.validate_policy_document(document):
            raise RefusedError(400, "InvalidInput", escape(f"Invalid policy in {name}: {problem}"))
    return [iam_evaluator.parse_policy_document(document) for document in documents]


def members(p: Parameters, name: str) -> list[str]:
    """Return a list parameter of the query protocol."""
    found: list[str] = []
    while value := iam._p(p, f"{name}.member.{len(found) + 1}"):
        found.append(value)
    return found


def context_of(p: Parameters) -> dict[str, Any]:
    """Return the values of the condition keys, a list where a key has several."""
    context: dict[str, Any] = {}
    while name := iam._p(p, f"ContextEntries.member.{len(context) + 1}.ContextKeyName"):
        values = members(p, f"ContextEntries.member.{len(context) + 1}.ContextKeyValues")
        context[name.lower()] = values[0] if len(values) == 1 else values
    return context


def find_principal(arn: str) -> Principal:
    """Return a user or role of the caller's account.

    Raises:
        RefusedError: The ARN is of something else, or nothing has it.
    """
    account = identity.account_id()
    kind, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    if not arn.startswith(f"arn:aws:iam::{account}:") or kind not in ("user", "role") or not name:
        sentence = f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
        raise RefusedError(400, "InvalidInput", escape(sentence))
    store, gather = {
        "user": (iam._users, iam_evaluator._gather_user_policies),
        "role": (iam._roles, iam_evaluator._gather_role_policies),
    }[kind]
    entity = store.get_scoped(account, None, name)
    if entity is None or entity["Arn"] != arn:
        raise RefusedError(404, "NoSuchEntity", escape(f"The {kind} with name {name} cannot be found."))
    limits = iam_evaluator._permissions_boundary(store, name, account)
    return Principal(arn, kind.capitalize(), gather(name, account), limits)


def judge(principal: Principal, action: str, resource: str, context: Mapping[str, Any]) -> Verdict:
    """Return whether the principal may do something to a resource, by its policies and its permissions boundary."""
    request = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.kind,
        principal_account=identity.account_id(),
        action=action,
        resource_arn=resource,
        region=identity.region(),
        secure_transport=True,
        service_context=dict(context),
    )
    result = iam_evaluator.evaluate(request, principal.policies, *principal.limits)
    return Verdict(DECISIONS[result.decision], missing_keys(principal, request))


def missing_keys(principal: Principal, request: Any) -> list[str]:
    """Return the condition keys of the statements on this action and resource that the request has no value for."""
    layers = [principal.policies, *principal.limits]
    statements = [one for layer in layers for policy in layer for one in policy if concerns(one, request)]
    keys = {key for one in statements for block in one.conditions.values() for key in block}
    return sorted(
        key for key in keys if key.lower() not in request.service_context and not key.lower().startswith(KNOWN)
    )


def concerns(statement: Any, request: Any) -> bool:
    """Tell whether a statement is about the request's action and resource, whatever its conditions."""
    return bool(
        iam_evaluator._action_matches(request.action, statement.actions, statement.not_actions)
        and iam_evaluator._resource_matches(request.resource_arn, statement.resources, statement.not_resources)
    )


def as_xml(action: str, verdicts: Mapping[str, Verdict]) -> str:
    """Return the result for an action; IAM lists resources apart unless only all of them were asked about."""
    decision = max((verdict.decision for verdict in verdicts.values()), key=SEVERITY.index)
    missing = sorted({key for verdict in verdicts.values() for key in verdict.missing})
    specific = "" if list(verdicts) == ["*"] else "".join(resource_xml(name, one) for name, one in verdicts.items())
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalResourceName>*</EvalResourceName>"
        f"<EvalDecision>{decision}</EvalDecision><MatchedStatements/>{keys_xml(missing)}"
        f"<ResourceSpecificResults>{specific}</ResourceSpecificResults></member>"
    )


def resource_xml(resource: str, verdict: Verdict) -> str:
    return (
        f"<member><EvalResourceName>{escape(resource)}</EvalResourceName>"
        f"<EvalResourceDecision>{verdict.decision}</EvalResourceDecision><MatchedStatements/>"
        f"{keys_xml(verdict.missing)}</member>"
    )


def keys_xml(keys: list[str]) -> str:
    names = "".join(f"<member>{escape(key)}</member>" for key in keys)
    return f"<MissingContextValues>{names}</MissingContextValues>"
