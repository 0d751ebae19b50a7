"""Makes one sentence of an error: what was wrong, with which value, and what to do."""

import errno
import re
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    ConnectionError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from commandline.parser import suggestion
from training import atomic
from training.errors import TrainingError
from training.stack import MISSING_CREDENTIALS

EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
REFUSED_KEYS = (
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
SIGN_IN = "sign in again (`aws sso login`, or renew the keys) and run the same command to resume"
# How AWS refuses a value outside a list that it then prints whole: more than 200 instance types.
OUTSIDE_OF_LIST = re.compile(r"Value '([^']*)' at '([^']*)' failed .*?enum value set: \[([^\]]*)\]")
LONG_VALUE = re.compile(r"'([^']{60})[^']{20,}'")

# What to do about an error of the operating system; every other is unexpected.
REMEDIES = {
    errno.ENOSPC: "free space on that disk",
    errno.EDQUOT: "free space within your quota",
    errno.EFBIG: "allow larger files there",
    errno.EROFS: "make it writable or work in another directory",
    errno.EACCES: "get the permission or work in another directory",
    errno.EPERM: "get the permission or work in another directory",
    errno.ENOTDIR: "remove or rename the file that is there in place of a directory",
    errno.EEXIST: "remove or rename what is there",
    errno.EISDIR: "remove or rename the directory that is there in place of a file",
    errno.ENOENT: "run `python training/run.py`, whose steps write it again",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ELOOP: "remove the symbolic link",
    errno.EIO: "check the disk",
    errno.EMFILE: "allow more open files (`ulimit -n`)",
}


def explain(err: Exception) -> str | None:
    """Return one sentence: what was wrong and what to do; None for an error that nobody expected."""
    cause = err.__cause__
    if isinstance(err, TrainingError):
        expired = isinstance(cause, ClientError) and _code(cause) in (*EXPIRED, *REFUSED_KEYS)
        return explain(cause) if expired and isinstance(cause, ClientError) else str(err)
    if isinstance(err, ClientError):
        return _explain_refusal(err)
    if isinstance(err, BotoCoreError):
        return _explain_sdk_error(err)
    if isinstance(err, OSError) and err.errno in REMEDIES:
        place = err.filename if isinstance(err.filename, str | Path) else "A file"
        return f"{place} cannot be read or written ({err.strerror}): {REMEDIES[err.errno]}."
    return None


def explain_unexpected(err: Exception, directory: Path) -> str:
    """Return one sentence on a mistake of the program itself; its traceback is written to `<directory>/error.txt`."""
    first_line = str(err).strip().partition("\n")[0]
    sentence = f"{type(err).__name__}: {first_line[:300]}: this is a mistake in the program, not in your input"
    path = directory / "error.txt"
    details = "".join(traceback.format_exception(err)).encode("utf-8", "backslashreplace")
    with suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        atomic.write(path, details)
        return f"{sentence}. Please report it with {path}, its traceback."
    return f"{sentence}. Its traceback could not be written to {path}."


def _code(err: ClientError) -> str:
    return str(err.response.get("Error", {}).get("Code", ""))


def _explain_refusal(err: ClientError) -> str:
    code = _code(err)
    if code in EXPIRED:
        return f"Your AWS credentials have expired ({code}): {SIGN_IN}."
    if code in REFUSED_KEYS:
        return f"AWS does not accept your credentials ({code}): check that this shell has those of the right account."
    return LONG_VALUE.sub(r"'\1...'", OUTSIDE_OF_LIST.sub(_shorten, " ".join(str(err).split())))


def _shorten(found: re.Match[str]) -> str:
    value, place, known = found[1], found[2], [name.strip() for name in found[3].split(",")]
    return f"{value!r} at {place} is none of the {len(known)} values that AWS knows{suggestion(value, known)}"


def _explain_sdk_error(err: BotoCoreError) -> str:
    details: Any = err.kwargs
    if isinstance(err, NoCredentialsError):
        return MISSING_CREDENTIALS
    if isinstance(err, ConnectionError | HTTPClientError) and "endpoint_url" in details:
        return _explain_silence(details["endpoint_url"])
    return f"{' '.join(str(err).split()).rstrip('.')}: {_remedy(err)}."


def _remedy(err: BotoCoreError) -> str:
    if isinstance(err, ProfileNotFound):
        return "correct AWS_PROFILE (`aws configure list-profiles` prints the profiles there are)"
    if isinstance(err, ConfigParseError | ConfigNotFound):
        return "correct that file, or write it anew with `aws configure`"
    if isinstance(err, InvalidRegionError | NoRegionError):
        return "set AWS_DEFAULT_REGION to a region such as us-east-1"
    if isinstance(err, PartialCredentialsError):
        return "set both the access key and its secret, or neither (`aws configure`)"
    if isinstance(err, ParamValidationError):
        return "correct the option that has this value"
    if isinstance(err, UnauthorizedSSOTokenError | TokenRetrievalError) or "expired" in str(err):
        return SIGN_IN
    return "check the AWS settings of this shell and run the same command to resume"


def _explain_silence(endpoint_url: str) -> str:
    url = urlsplit(endpoint_url)
    local = url.hostname in ("127.0.0.1", "localhost", "::1")
    remedy = "start the local AWS with `make up`" if local else "check the network and the region's name"
    return f"{url.scheme}://{url.netloc} does not answer: {remedy}."
