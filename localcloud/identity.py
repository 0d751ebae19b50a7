"""Who asks, in which account and region, and what they may do: MiniStack's IAM, for the rest of the local cloud.

`corrections`, `signatures` and this module are the only ones that know MiniStack's inside.
"""

import contextvars
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from ministack.app import _request_account_scope
from ministack.core import iam_evaluator, responses
from ministack.core.iam_actions import access_denied_response, identity_denial_message
from ministack.core.router import extract_access_key_id, extract_region
from ministack.services import iam, sts

from localcloud.environment import ACCOUNT_ID

request_scope = responses.request_scope  # a context manager: account and region where no request is being served
UNKNOWN_KEY = iam_evaluator.AuthError(
    "UnrecognizedClientException", "The security token included in the request is invalid."
)
# How long what is allowed is not judged again, unless a request comes that may change policies. On AWS a change of a
# policy takes seconds too, and a stack operation can change one without a request.
ALLOWED_SECONDS, MOST_ALLOWED = 1.0, 1000
_allowed: dict[tuple[Any, ...], float] = {}  # until when, by caller and permission
_session_secret = bytearray(secrets.token_bytes(32))  # until `use_root` gives this cloud's own
access_key_of = extract_access_key_id  # in a request's headers, or in the query of a presigned URL
# Whose key signed the request that this thread or task serves; nobody's at the start of the cloud.
_caller_key: contextvars.ContextVar[str] = contextvars.ContextVar("caller_key", default="")


@dataclass(frozen=True)
class Permission:
    """One thing that a caller must be allowed to do."""

    action: str  # such as s3:GetObject
    resource_arn: str = "*"
    context: dict[str, str] = field(default_factory=dict)  # condition keys


@dataclass(frozen=True)
class Denial:
    """Why a request is refused: its key is not valid, or the caller's policies do not allow it."""

    code: str
    message: str
    status: int | None  # HTTP; None when permission is missing: that status depends on the protocol


@dataclass(frozen=True)
class Session:
    """A session of a role, as AssumeRole gives it to a service."""

    arn: str
    access_key_id: str
    secret_access_key: str
    token: str

    def variables(self) -> dict[str, str]:
        """Return the environment variables that let AWS's clients act as the role."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.token,
        }


def account_id() -> str:
    """Return the account of the request that this thread or task serves."""
    return str(responses.get_account_id())


def region() -> str:
    """Return the region of the request that this thread or task serves."""
    return str(responses.get_region())


def use_root(access_key_id: str, secret_access_key: str) -> None:
    """Make a key the account's root user, and derive the keys of all sessions from its secret.

    MiniStack keeps it with the sessions, whose signatures it checks; the root keys that it knows itself have none.
    """
    _session_secret[:] = secret_access_key.encode()
    root = {"Arn": f"arn:aws:iam::{ACCOUNT_ID}:root", "UserId": ACCOUNT_ID, "PrincipalType": "Root"}
    sts.register_session(access_key_id, {**root, "SecretAccessKey": secret_access_key, "SessionToken": None})


def begin_request(headers: dict[str, str]) -> None:
    """Set the account, region and caller by which `denial` judges this request, as MiniStack does for its own."""
    access_key = access_key_of(headers)
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    if access_key:
        responses.set_request_account_id(_request_account_scope(access_key))
    responses.set_request_region(extract_region(headers))
    pin_caller(access_key)


def pin_caller(access_key: str | None) -> None:
    """Tell MiniStack's services who sends this request; its own function gathers all of the caller's policies first."""
    account = responses._account_from_sts_session(access_key or "") or account_id()
    credential = iam_evaluator.resolve_credential(access_key or "", account) if access_key else None
    arn = getattr(credential, "principal_arn", "") or f"arn:aws:iam::{account_id()}:root"
    iam_evaluator._request_caller_arn.set(arn)


def note_caller(authorization: str) -> None:
    """Remember who signed a request, by its header, for where no header is left: `denial_of_caller`."""
    _caller_key.set(access_key_of({"authorization": authorization}) or "")


def denial(access_key: str | None, permission: Permission, headers: dict[str, str] | None = None) -> Denial | None:
    """Return why the holder of an access key is refused, None when the action is allowed.

    Signatures have been checked before; the keys that MiniStack takes for the root user without one are refused.

    Args:
        headers: Of the request under way; they decide how a refusal is worded.
    """
    if iam_evaluator.is_root_access_key(access_key or ""):
        return denial_of(UNKNOWN_KEY, permission, headers)
    caller = (access_key, account_id(), region(), iam_evaluator._request_origin.get())
    question = (*caller, permission.action, permission.resource_arn, *sorted(permission.context.items()))
    if _allowed.get(question, 0) > time.monotonic():
        return None
    refused = iam_evaluator.enforce(
        access_key,
        permission.action,
        permission.action.partition(":")[0],
        region(),
        resource_arn=permission.resource_arn,
        service_context=permission.context,
    )
    if refused is not None:
        return denial_of(refused, permission, headers)
    if len(_allowed) >= MOST_ALLOWED:
        _allowed.clear()
    _allowed[question] = time.monotonic() + ALLOWED_SECONDS
    return None


def forget_what_is_allowed() -> None:
    """Judge everything anew: a request may have changed policies."""
    _allowed.clear()


def denial_of_caller(permission: Permission) -> Denial | None:
    """Return why the sender of the request under way is refused, also in a task that the request has started.

    What a stack creates is created for the caller of the stack operation.
    """
    return denial(_caller_key.get(), permission) if _caller_key.get() else None


def pass_role(role_arn: str, service_principal: str) -> Permission:
    """Return the permission to pass a role to a service."""
    return Permission("iam:PassRole", role_arn, {"iam:PassedToService": service_principal})


def denial_of(refused: Any, permission: Permission, headers: dict[str, str] | None) -> Denial:
    """Return the evaluator's refusal in AWS's words."""
    if isinstance(refused, iam_evaluator.AuthError):
        # The codes differ between services; these are SageMaker's, the only service of ours that checks signatures.
        status, _, reply = access_denied_response(
            "sagemaker", permission.action, "", "", error_code=refused.code, message=refused.message, headers=headers
        )
        answer = json.loads(reply)
        return Denial(answer["__type"], answer["message"], status)
    sentence = identity_denial_message(
        permission.action, refused.principal_arn, permission.resource_arn, refused.decision == "Deny"
    )
    return Denial("AccessDeniedException", sentence, None)


def assume_role(role_arn: str, session_name: str) -> Session:
    """Register a session of a role and return it.

    The same role and name give the same keys in this cloud; without its secret nobody can derive them.
    """
    role_name = role_arn.rsplit("/", 1)[-1]
    digest = hmac.new(_session_secret, f"{role_arn}:{session_name}".encode(), hashlib.sha512).hexdigest()
    arn = f"arn:aws:sts::{account_of(role_arn)}:assumed-role/{role_name}/{session_name[:64]}"
    session = Session(arn, f"ASIA{digest[:16].upper()}", digest[16:56], f"token-{digest[56:]}")
    keys = {"SecretAccessKey": session.secret_access_key, "SessionToken": session.token}
    sts.register_session(session.access_key_id, {"Arn": arn, "UserId": f"{role_name}:{session_name}", **keys})
    return session


def account_of(arn: str) -> str:
    """Return the account in an ARN."""
    return arn.split(":")[4]


def role_trusts(role_arn: str, service_principal: str) -> bool:
    """Return whether the role exists and its trust policy lets a service assume it, conditions included.

    MiniStack's evaluator lets the root user pass for any service, so it is given only the statements that name this
    one.
    """
    account, name = account_of(role_arn), role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    if role is None or role["Arn"] != role_arn:
        return False
    statements = json.loads(role["AssumeRolePolicyDocument"])["Statement"]
    statements = [statements] if isinstance(statements, dict) else statements  # a single one needs no list
    naming = [one for one in statements if service_principal in service_principals(one.get("Principal"))]
    root = f"arn:aws:iam::{account}:root"
    context = iam_evaluator.EvalContext(
        principal_arn=root,
        principal_type="Root",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region="",
        service_context={"aws:sourceaccount": account},
    )
    return bool(iam_evaluator.evaluate_trust_policy({"Statement": naming}, root, context))


def is_assumable(role_arn: str, service: str) -> bool:
    """Return whether a service, by its global or its regional principal, may assume a role of the caller's account."""
    if account_of(role_arn) != account_id():
        return False
    principals = (f"{service}.amazonaws.com", f"{service}.{region()}.amazonaws.com")
    return any(role_trusts(role_arn, principal) for principal in principals)


def service_principals(principal: Any) -> list[str]:
    """Return the services in a statement's Principal, which names one or several."""
    services = principal.get("Service", []) if isinstance(principal, dict) else []
    return [services] if isinstance(services, str) else services
