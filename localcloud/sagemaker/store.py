"""SageMaker's resources by kind and ARN, in one JSON file that outlives the process."""

import json
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud import identity
from localcloud.files import set_aside, write_durably
from localcloud.sagemaker.errors import ServiceError

RETRY_SECONDS = 1.0

logger = logging.getLogger(__name__)

Resource = dict[str, Any]  # the reply of the Describe call; times in seconds since 1970, as in AWS's JSON


@dataclass(frozen=True)
class Kind:
    """A kind of resource."""

    arn_part: str


@dataclass(frozen=True)
class JobKind(Kind):
    """A kind of job."""

    prefix: str  # how the names of its members begin: TrainingJob in TrainingJobName

    @property
    def name(self) -> str:
        return f"{self.prefix}Name"

    @property
    def arn(self) -> str:
        return f"{self.prefix}Arn"

    @property
    def status(self) -> str:
        return f"{self.prefix}Status"

    @property
    def noun(self) -> str:
        return self.arn_part.replace("-", " ")


TRAINING_JOB = JobKind("training-job", "TrainingJob")
PROCESSING_JOB = JobKind("processing-job", "ProcessingJob")
MODEL = Kind("model")
ENDPOINT_CONFIG = Kind("endpoint-config")
ENDPOINT = Kind("endpoint")
# What an endpoint was deployed from, by its ARN: it keeps serving when its model or configuration is deleted.
DEPLOYMENT = Kind("deployment")


def now() -> float:
    return round(time.time(), 3)


def arn_of(kind: Kind, name: str) -> str:
    """Return the ARN in the account and region of the current request; SageMaker writes names in lower case."""
    return f"arn:aws:sagemaker:{identity.region()}:{identity.account_id()}:{kind.arn_part}/{name.lower()}"


def region_of(arn: str) -> str:
    return arn.split(":")[3]


Data = dict[str, dict[str, Any]]  # "tags" and each kind's arn_part, by ARN


class Store:
    """Resources and tags. A resource once read never changes.

    A request's change is on disk when the call returns: `add`, `put`, `update`, `delete` and `put_tags` change nothing
    and raise ServiceError (ServiceUnavailable, HTTP 503) when it cannot be saved. `report` and `forget` are for what
    has happened to a job or an endpoint, whether or not the disk is full: they are saved as soon as possible.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._retry: threading.Timer | None = None
        self._data = load(path)

    def add(self, kind: Kind, arn: str, resource: Resource, tags: list[dict[str, str]]) -> bool:
        """Add a resource with its tags; returns False when one with this ARN exists."""
        with self._lock:
            if self.get(kind, arn) is not None:
                return False
            by_key = {tag["Key"]: tag["Value"] for tag in tags}
            self._save(changed(changed(self._data, "tags", arn, by_key), kind.arn_part, arn, resource))
        return True

    def put(self, kind: Kind, arn: str, resource: Resource) -> None:
        with self._lock:
            if self.get(kind, arn) != resource:
                self._save(changed(self._data, kind.arn_part, arn, resource))

    def update(self, kind: Kind, arn: str, **fields: Any) -> None:
        """Change fields of a resource and drop those that are None; does nothing when the resource is gone."""
        with self._lock:
            self._save(self._updated(kind, arn, fields))

    def report(self, kind: Kind, arn: str, **fields: Any) -> None:
        """The same for what has happened already: it is true at once, and on disk when the disk takes it."""
        with self._lock:
            self._save_soon(self._updated(kind, arn, fields))

    def get(self, kind: Kind, arn: str) -> Resource | None:
        return self._data.get(kind.arn_part, {}).get(arn)

    def delete(self, kind: Kind, arn: str) -> None:
        """Delete a resource and its tags; does nothing when the resource is gone."""
        with self._lock:
            self._save(self._without(kind, arn))

    def forget(self, kind: Kind, arn: str) -> None:
        """The same for a resource that does not exist any more, on disk when the disk takes it."""
        with self._lock:
            self._save_soon(self._without(kind, arn))

    def all(self, kind: Kind) -> dict[str, Resource]:
        """Return the resources by ARN, in the order of their creation."""
        with self._lock:
            return dict(self._data.get(kind.arn_part, {}))

    def in_scope(self, kind: Kind) -> list[Resource]:
        """Return the resources in the account and region of the current request."""
        scope = arn_of(kind, "")
        return [resource for arn, resource in self.all(kind).items() if arn.startswith(scope)]

    def exists(self, arn: str) -> bool:
        return any(arn in resources for part, resources in self._data.items() if part != "tags")

    def tags(self, arn: str) -> dict[str, str]:
        return dict(self._data.get("tags", {}).get(arn, {}))

    def put_tags(self, arn: str, tags: dict[str, str]) -> None:
        with self._lock:
            self._save(changed(self._data, "tags", arn, tags))

    def _updated(self, kind: Kind, arn: str, fields: dict[str, Any]) -> Data:
        resource = self.get(kind, arn)
        if resource is None:
            return self._data
        updated = {**resource, "LastModifiedTime": now(), **fields}
        kept = {name: value for name, value in updated.items() if value is not None}
        return changed(self._data, kind.arn_part, arn, kept)

    def _without(self, kind: Kind, arn: str) -> Data:
        return changed(changed(self._data, kind.arn_part, arn, None), "tags", arn, None)

    def _save(self, data: Data) -> None:
        """Save, then take over, changed data; nothing changes when it cannot be saved."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._path, json.dumps(data).encode())
        except OSError as err:
            raise ServiceError(
                "ServiceUnavailable",
                f"The local cloud cannot save SageMaker's resources: {err}. Make room on the disk and try again.",
                503,
            ) from err
        self._data = data

    def _save_soon(self, data: Data) -> None:
        """Take over changed data, and try every RETRY_SECONDS until it is saved."""
        try:
            self._save(data)
        except ServiceError as err:
            self._data = data
            if self._retry is None:
                logger.error("%s What has changed is saved as soon as possible.", err)
                self._retry_later()

    def _retry_later(self) -> None:
        self._retry = threading.Timer(RETRY_SECONDS, self._save_again)
        self._retry.daemon = True
        self._retry.start()

    def _save_again(self) -> None:
        with self._lock:
            try:
                self._save(self._data)
                self._retry = None
            except ServiceError:
                self._retry_later()


def load(path: Path) -> Data:
    """Return the saved data. A damaged file is set aside."""
    if not path.exists():
        return {}
    try:
        data: Data = json.loads(path.read_bytes())
        if not all(isinstance(entry, dict) for part in data.values() for entry in part.values()):
            raise ValueError("it does not hold resources by kind and ARN")
    except (ValueError, AttributeError, RecursionError) as err:
        aside = set_aside(path)
        logger.error("%s is damaged: %s. It is now %s; SageMaker starts without resources.", path, err, aside.name)
        return {}
    return data


def changed(data: Data, part: str, arn: str, entry: Any) -> Data:
    """Return data in which an entry is replaced, or left out when it is None; the given data stays as it is."""
    entries = dict(data.get(part, {}))
    entries[arn] = entry
    return {**data, part: entries if entry is not None else {key: one for key, one in entries.items() if key != arn}}
