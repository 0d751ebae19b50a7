"""Who signed a request: AWS Signature Version 4, checked for every key before any service sees the request."""

import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_evaluator, sigv4
from ministack.core.iam_actions import access_denied_response
from ministack.core.iam_evaluator import CredentialResolutionError
from ministack.core.responses import _account_from_sts_session, fix_error_content_type
from ministack.core.sigv4 import HeaderSignature, decode_header_value

from localcloud.environment import ACCOUNT_ID

ALGORITHM = "AWS4-HMAC-SHA256"
# Strict, because SageMaker and MiniStack read it again: whose key it is must have one answer.
AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=[\w-]+/[0-9]{{8}}/[a-z0-9-]+/[a-z0-9-]+/aws4_request, ?SignedHeaders=[a-z0-9;_-]+, ?"
    "Signature=[0-9a-f]{64}",
    re.ASCII,
)
LONGEST_LIFE = 7 * 24 * 3600  # seconds of a presigned URL, as on AWS
CLOCK_SKEW = 15 * 60  # seconds that a presigned URL may be dated in the future, as on AWS
# Query parameters that sign a request. Those of Signature Version 2, which AWS has turned off, are among them.
SIGNING_PARAMETERS = {"x-amz-algorithm", "x-amz-credential", "x-amz-signature", "awsaccesskeyid", "signature"}
SHA256 = re.compile("[0-9a-f]{64}")
S3_PAYLOAD = re.compile("[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]+")  # what S3 lets a signature cover

Reply = tuple[int, dict[str, str], bytes]  # HTTP status, headers, body


class SignatureError(Exception):
    """When a request is not signed, or not with a key of this cloud; the code is the one of MiniStack's evaluator."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class SignedRequest:
    """A request with a signature of a known key. `verify` says whether the signature is right."""

    method: str
    raw_path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    signature: HeaderSignature
    is_presigned: bool  # in the query of a URL
    secret: str  # of the key

    @property
    def service(self) -> str:
        """The service that the request is signed for."""
        return str(self.signature.service)

    @property
    def declared_hash(self) -> str | None:
        """What the signature covers in place of the body; None when it covers the body itself."""
        return None if self.is_presigned else self.headers.get("x-amz-content-sha256")

    @property
    def covers_body(self) -> bool:
        return not self.is_presigned and self.declared_hash is None

    def verify(self, body: bytes = b"") -> None:
        """Raise a SignatureError unless the signature is the key's own; `body` counts only where it is covered."""
        signature = self.signature
        _, text = sigv4.header_signing_documents(
            signature, self.method, self.raw_path, self.query, self.headers, body, presigned=self.is_presigned
        )
        key = sigv4._cached_signing_key(self.secret, signature.date_stamp, signature.region, signature.service)
        expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.signature.encode()):
            raise SignatureError("SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH)

    def verify_body(self, body: bytes) -> None:
        """Raise a SignatureError when the signature, or the hash that it covers, is of another body.

        MiniStack checks the signatures of single chunks.
        """
        if self.covers_body:
            self.verify(body)
        elif self.declared_hash and SHA256.fullmatch(self.declared_hash):
            if hashlib.sha256(body).hexdigest() != self.declared_hash:
                raise SignatureError(
                    "XAmzContentSHA256Mismatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                )


def read(scope: dict[str, Any]) -> SignedRequest:
    """Return a request whose headers carry a signature of a known key; verify it if it does not cover the body.

    Raises:
        SignatureError: The request is unsigned, signed twice or in another way, too old, or by an unknown key; or its
            signature is wrong.
    """
    headers = joined(scope["headers"])
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, encoding="utf-8")
    is_presigned = is_presigned_request(headers, query)
    signature = parse(headers, query, is_presigned)
    check_time(signature, query if is_presigned else None)
    check_form(signature, headers, is_presigned)
    token = query.get("X-Amz-Security-Token", [""])[0] if is_presigned else headers.get("x-amz-security-token", "")
    secret = secret_of(signature.access_key_id, token)
    raw_path = scope["raw_path"].decode("latin-1")
    request = SignedRequest(scope["method"], raw_path, query, headers, signature, is_presigned, secret)
    if not request.covers_body:
        request.verify()
    return request


def joined(raw_headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers by lower-case name; SigV4 signs a header on several lines as its values with commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw_headers:
        name, value = raw_name.decode("latin-1").lower(), decode_header_value(raw_value)
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def is_presigned_request(headers: dict[str, str], query: dict[str, list[str]]) -> bool:
    """Return whether the query signs the request; the Authorization header does otherwise.

    Raises:
        SignatureError: Neither does, both do, or in another way than Signature Version 4.
    """
    authorization = headers.get("authorization", "")
    in_query = {name for name in query if name.lower() in SIGNING_PARAMETERS}
    if not authorization and not in_query:
        raise SignatureError("MissingAuthenticationToken", "Request is missing Authentication Token")
    unsupported = SignatureError("UnsupportedSignature", f"The local cloud verifies {ALGORITHM} only.")
    if authorization:
        if in_query or not authorization.startswith(f"{ALGORITHM} "):
            raise unsupported
        return False
    expected = {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"}
    if in_query != expected or any(len(query[name]) > 1 for name in in_query):
        raise unsupported
    if query["X-Amz-Algorithm"] != [ALGORITHM]:
        raise unsupported
    return True


def parse(headers: dict[str, str], query: dict[str, list[str]], is_presigned: bool) -> HeaderSignature:
    """Return the parts of the signature.

    Raises:
        SignatureError: A part is missing, or there is more than the parts.
    """
    parsed = sigv4.parse_query_signature(query) if is_presigned else sigv4.parse_header_signature(headers)
    if isinstance(parsed, tuple):
        raise SignatureError(*parsed)
    if not is_presigned and not AUTHORIZATION.fullmatch(headers["authorization"]):
        raise SignatureError("UnsupportedSignature", f"The local cloud verifies {ALGORITHM} only.")
    return parsed


def check_time(signature: HeaderSignature, query: dict[str, list[str]] | None) -> None:
    """Raise a SignatureError when a signature is too old, or dated in the future; `query` of a presigned URL."""
    signed_at = sigv4._amz_datetime(signature.amz_date)
    if signed_at is None or signature.date_stamp != signature.amz_date[:8]:
        raise SignatureError("CredentialDateMismatch", "The date of the credential is not that of the request.")
    if query is None:
        if skewed := sigv4.request_time_failure(signature):
            raise SignatureError(*skewed)
        return
    expires = query.get("X-Amz-Expires", [""])[0]
    if not re.fullmatch("[0-9]{1,6}", expires) or int(expires) > LONGEST_LIFE:
        raise SignatureError("RequestExpired", f"X-Amz-Expires must be a number of seconds up to {LONGEST_LIFE}.")
    if not -CLOCK_SKEW <= time.time() - signed_at.timestamp() <= int(expires):
        raise SignatureError("RequestExpired", "Request has expired")


def check_form(signature: HeaderSignature, headers: dict[str, str], is_presigned: bool) -> None:
    """Raise a SignatureError for a signature that does not say enough, or that nothing here needs."""
    if "host" not in signature.signed_headers.lower().split(";"):
        raise SignatureError("IncompleteSignature", "The signature must cover the Host header.")
    if is_presigned:
        if signature.service != "s3":
            raise SignatureError("UnsupportedSignature", "The local cloud takes presigned URLs of S3 only.")
        return
    declared = headers.get("x-amz-content-sha256")
    if signature.service == "s3" and declared is None:
        raise SignatureError("IncompleteSignature", "Missing required header for this request: x-amz-content-sha256")
    known = S3_PAYLOAD if signature.service == "s3" else SHA256
    if declared is not None and not known.fullmatch(declared):
        raise SignatureError("UnsupportedSignature", f"x-amz-content-sha256 cannot be {declared!r}.")


def secret_of(access_key_id: str, token: str) -> str:
    """Return the secret of an active key: the root's, a user's or a session's.

    Raises:
        SignatureError: No such key, an inactive or expired one, or another session token. MiniStack's own root keys
            (`test`, account numbers, none at all) are unknown here.
    """
    unknown = SignatureError("UnrecognizedClientException", "The security token included in the request is invalid.")
    if iam_evaluator.is_root_access_key(access_key_id):
        raise unknown
    try:
        owner = iam_evaluator.find_iam_access_key_account(access_key_id)
    except iam_evaluator.AmbiguousAccessKeyError as err:
        raise unknown from err
    account = _account_from_sts_session(access_key_id) or owner or ACCOUNT_ID
    found = iam_evaluator.resolve_credential(access_key_id, account, token)
    if isinstance(found, CredentialResolutionError):
        if found.code == "InvalidToken":
            raise SignatureError("InvalidToken", str(unknown)) if token else unknown
        raise SignatureError(found.code, found.message)
    return str(found.secret_access_key)


def error_reply(service: str, code: str, message: str, headers: dict[str, str]) -> Reply:
    """Return an error in the protocol of a service, with the code that this service gives a wrong signature."""
    status, reply_headers, body = access_denied_response(
        service, "", "", "", error_code=code, message=message, headers=headers
    )
    fix_error_content_type(service, status, reply_headers)
    return status, reply_headers, body
