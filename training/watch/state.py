"""What scheduled runs remember, in one small JSON of the bucket; conditional writes keep two runs apart.

A run first takes a lease on the state, and writes the new state at its end. A run that was killed in between leaves the
old state with a lease that ends: the next one looks at the same captures again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from training.config import WATCH_PREFIX
from training.refusals import is_missing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = f"{WATCH_PREFIX}/state.json"
LEASE = timedelta(minutes=30)  # no run takes longer: its job is stopped then
LOST = ("PreconditionFailed", "ConditionalRequestConflict")  # another run wrote first


class TakenError(Exception):
    """When another run works on the same captures, or has just done so."""


@dataclass(frozen=True)
class State:
    """Where a run goes on; the defaults are those of the first one."""

    since: str = ""  # ISO 8601, UTC: where the listing of files begins; "" for the beginning of the schedule
    seen: tuple[str, ...] = ()  # keys of the files from there on that were looked at
    profile: str = ""  # digest of the profile that the martingales are about
    martingales: Mapping[str, Any] | None = None  # `Martingales.state`
    verdict: str = ""  # the last one that rests on enough inferences; "" before
    captured: int = 0  # inferences of all runs
    lease: str = ""  # ISO 8601, UTC: until when a run may be working; "" for none


@dataclass(frozen=True)
class Stored:
    """The state as it is in the bucket."""

    state: State
    etag: str | None  # None: there is none yet


def load(s3: "S3Client", bucket: str) -> Stored:
    """Return the state; a damaged one, or one of another version, is treated as absent."""
    try:
        found = s3.get_object(Bucket=bucket, Key=KEY)
    except ClientError as err:
        if err.response["Error"]["Code"] != "NoSuchKey" and not is_missing(err):
            raise
        return Stored(State(), None)
    return Stored(parse(found["Body"].read()), found["ETag"])


def parse(content: bytes) -> State:
    """Return the state of a file."""
    try:
        given = json.loads(content)
        known = {field.name: given[field.name] for field in fields(State)}
        times = {name: in_utc(known[name]) for name in ("since", "lease")}
        return State(**{**known, **times, "seen": tuple(map(str, known["seen"]))})
    except (ValueError, KeyError, TypeError, RecursionError):
        return State()


def in_utc(time: str) -> str:
    return time and datetime.fromisoformat(time).astimezone(UTC).isoformat()


def take(stored: Stored, s3: "S3Client", bucket: str, now: datetime) -> Stored:
    """Take the lease.

    Raises:
        TakenError: Another run has it.
    """
    if stored.state.lease and datetime.fromisoformat(stored.state.lease) > now:
        raise TakenError
    return save(stored, replace(stored.state, lease=(now + LEASE).isoformat()), s3, bucket)


def save(stored: Stored, state: State, s3: "S3Client", bucket: str) -> Stored:
    """Replace the state that was read by another one.

    Raises:
        TakenError: Somebody else has replaced it.
    """
    condition: dict[str, Any] = {"IfMatch": stored.etag} if stored.etag else {"IfNoneMatch": "*"}
    body = json.dumps(asdict(state)).encode()
    try:
        reply = s3.put_object(Bucket=bucket, Key=KEY, Body=body, ContentType="application/json", **condition)
    except ClientError as err:
        if err.response["Error"]["Code"] in LOST or is_missing(err):
            raise TakenError from err
        raise
    return Stored(state, reply["ETag"])


def moment(state: State, least: datetime) -> datetime:
    """Return where the listing of files begins."""
    return max(least, datetime.fromisoformat(state.since)) if state.since else least
