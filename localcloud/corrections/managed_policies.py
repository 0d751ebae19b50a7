"""AWS's managed policies with their real content; a policy that does not exist is attached to nobody.

`managed_policies.json` has the content of those that users of this application may attach, and the names of all
others, which are refused by name. `make policies` writes it; its member `source` says from what.
"""

import functools
import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ministack.core.arn import ArnParseError, parse_arn
from ministack.services import iam

from localcloud.corrections.provisioners import Properties, complete_creation, complete_update

PREFIX = "arn:aws:iam::aws:policy/"
SERVICE_LINKED = f"{PREFIX}aws-service-role/"
# What IAM says about an ARN that no policy has, by the action and the parameter that names it.
ABSENT = {
    ("AttachGroupPolicy", "PolicyArn"): "Policy {} does not exist or is not attachable.",
    ("AttachRolePolicy", "PolicyArn"): "Policy {} does not exist or is not attachable.",
    ("AttachUserPolicy", "PolicyArn"): "Policy {} does not exist or is not attachable.",
    ("CreateRole", "PermissionsBoundary"): "Scope ARN: {} does not exist or is not attachable.",
    ("CreateUser", "PermissionsBoundary"): "Scope ARN: {} does not exist or is not attachable.",
    ("PutRolePermissionsBoundary", "PermissionsBoundary"): "Scope ARN: {} does not exist or is not attachable.",
    ("PutUserPermissionsBoundary", "PermissionsBoundary"): "Scope ARN: {} does not exist or is not attachable.",
    ("GetPolicy", "PolicyArn"): "Policy {} was not found.",
    ("GetPolicyVersion", "PolicyArn"): "Policy {} was not found.",
    ("ListEntitiesForPolicy", "PolicyArn"): "Policy {} was not found.",
    ("ListPolicyVersions", "PolicyArn"): "Policy {} was not found.",
}

Reply = tuple[int, dict[str, str], bytes]  # HTTP status, headers, body
HandleRequest = Callable[[str, str, Any, bytes, Any], Awaitable[Reply]]


class UnknownPolicyError(Exception):
    """When a stack attaches a policy that cannot be attached; the message is the status reason."""


@functools.cache
def catalogue() -> dict[str, Any]:
    """Return `source`, `policies` by what follows PREFIX in their ARNs, and the names of all `others`."""
    read: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text())
    return read


def seed_real_content(original: Callable[[], None]) -> Callable[[], None]:
    """Keep AWS's policies in place of those that MiniStack has kept when it was imported."""

    def seed() -> None:
        iam._aws_managed_policies.clear()
        iam._aws_managed_policies.update(
            {f"{PREFIX}{name}": record(name, policy) for name, policy in catalogue()["policies"].items()}
        )

    seed()
    return seed


def record(name: str, policy: dict[str, Any]) -> dict[str, Any]:
    """Return a policy as MiniStack keeps it, with its default version alone.

    Args:
        name: With the path that the policy has: `service-role/AWSLambdaBasicExecutionRole`.
    """
    version, document = policy["DefaultVersionId"], json.dumps(policy["Document"])
    created, updated = (policy[member].replace("+00:00", "Z") for member in ("CreateDate", "UpdateDate"))
    identifier = hashlib.sha256(name.encode()).hexdigest()[:17].upper()  # on AWS another one, but also for ever
    default = {"VersionId": version, "IsDefaultVersion": True, "CreateDate": updated, "Document": document}
    kept: dict[str, Any] = iam._make_aws_managed_record(name, document)
    return kept | {
        "PolicyId": f"ANPA{identifier}",
        "CreateDate": created,
        "UpdateDate": updated,
        "DefaultVersionId": version,
        "Versions": {version: default},
    }


def refuse_absent_policies(original: HandleRequest) -> HandleRequest:
    """Refuse requests of IAM that name a policy which does not exist, or whose content is not carried here."""

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Reply:
        members = {**query_params, **parse_qs(body.decode(errors="replace"))}
        for (action, member), sentence in ABSENT.items():
            if iam._p(members, "Action") == action and (arn := iam._p(members, member)):
                if refused := refusal(arn, sentence):
                    return iam._error(*refused)  # type: ignore[no-any-return]
        return await original(method, path, headers, body, query_params)

    return handle_request


def refusal(arn: str, sentence: str) -> tuple[int, str, str] | None:
    """Return status, code and message for an ARN that no policy here has, None for one that a policy has."""
    attached = "attachable" in sentence
    try:
        parse_arn(arn)
    except ArnParseError:
        return 400, "InvalidInput", escape(f"ARN {arn} is not valid.")
    if attached and arn.startswith(SERVICE_LINKED):
        return 400, "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role."
    if iam._policy_exists(arn):
        return None
    if arn.removeprefix(PREFIX) in catalogue()["others"]:
        return 400, "InvalidInput", f"The local cloud does not carry the content of {escape(arn)}, which AWS has."
    return 404, "NoSuchEntity", escape(sentence.format(arn))


def create_with_known_policies(original: Callable[..., Any]) -> Any:
    """Create a stack's role with policies and a boundary that exist; MiniStack leaves the boundary out."""
    return complete_creation(original, keep_boundary, check=refuse_unknown)


def update_with_known_policies(original: Callable[..., Any]) -> Any:
    """The same for a role that a stack changes."""
    return complete_update(original, keep_boundary, check=refuse_unknown)


def keep_boundary(role: str, old_props: Properties, new_props: Properties) -> None:
    iam._roles[role]["PermissionsBoundary"] = new_props.get("PermissionsBoundary")


def refuse_unknown(props: Properties) -> None:
    """Raise for a managed policy or a permissions boundary that does not exist.

    Raises:
        UnknownPolicyError: With the sentence of CloudFormation's handler.
    """
    named = [(arn, ABSENT["AttachRolePolicy", "PolicyArn"]) for arn in props.get("ManagedPolicyArns") or []]
    if boundary := props.get("PermissionsBoundary"):
        named.append((boundary, ABSENT["PutRolePermissionsBoundary", "PermissionsBoundary"]))
    for arn, sentence in named:
        if refused := refusal(arn, sentence):
            status, _, message = refused
            raise UnknownPolicyError(f"{message} (Service: Iam, Status Code: {status})")
