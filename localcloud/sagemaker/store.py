"""SageMaker's resources by kind and ARN, in one JSON file that outlives the process."""

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud import identity

Resource = dict[str, Any]  # the reply of the Describe call; times in seconds since 1970, as in AWS's JSON


@dataclass(frozen=True)
class Kind:
    """A kind of resource."""

    arn_part: str


TRAINING_JOB = Kind("training-job")
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


class Store:
    """Resources and tags; each change is on disk when the call returns. A resource once read never changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._data: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def add(self, kind: Kind, arn: str, resource: Resource, tags: list[dict[str, str]]) -> bool:
        """Add a resource with its tags; returns False when one with this ARN exists."""
        with self._lock:
            if self.get(kind, arn) is not None:
                return False
            self._data.setdefault("tags", {})[arn] = {tag["Key"]: tag["Value"] for tag in tags}
            self.put(kind, arn, resource)
        return True

    def put(self, kind: Kind, arn: str, resource: Resource) -> None:
        with self._lock:
            self._data.setdefault(kind.arn_part, {})[arn] = resource
            self._save()

    def update(self, kind: Kind, arn: str, **fields: Any) -> None:
        """Change fields of a resource and drop those that are None; does nothing when the resource is gone."""
        with self._lock:
            resource = self.get(kind, arn)
            if resource is not None:
                changed = {**resource, "LastModifiedTime": now(), **fields}
                self.put(kind, arn, {name: value for name, value in changed.items() if value is not None})

    def get(self, kind: Kind, arn: str) -> Resource | None:
        return self._data.get(kind.arn_part, {}).get(arn)

    def delete(self, kind: Kind, arn: str) -> None:
        """Delete a resource and its tags; does nothing when the resource is gone."""
        with self._lock:
            self._data.get(kind.arn_part, {}).pop(arn, None)
            self._data.get("tags", {}).pop(arn, None)
            self._save()

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
            self._data.setdefault("tags", {})[arn] = tags
            self._save()

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._data))
        part.replace(self._path)
