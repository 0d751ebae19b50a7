"""The root access key of a cloud: random, made when the cloud first starts in its directory, readable by its user."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from localcloud import LocalCloudError

KEY_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class KeysError(LocalCloudError):
    """When the file of the root keys is missing or damaged."""


@dataclass(frozen=True)
class RootKeys:
    """The access key of the account's root user."""

    access_key_id: str
    secret_access_key: str


def keys_path(state: Path) -> Path:
    return state / "keys.json"


def load(state: Path) -> RootKeys:
    """Return the keys of this directory's cloud.

    Raises:
        KeysError: There are none, or they cannot be read.
    """
    path = keys_path(state)
    try:
        found = json.loads(path.read_text())
        keys = RootKeys(**{field.name: found[field.name] for field in fields(RootKeys)})
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as err:
        raise KeysError(f"The keys {path} cannot be read: make new ones with `localcloud down` and `up`.") from err
    if not all(isinstance(value, str) and value.isascii() and value for value in asdict(keys).values()):
        raise KeysError(f"The keys {path} are damaged: make new ones with `localcloud down` and `up`.")
    return keys


def ensure(state: Path) -> RootKeys:
    """Return the keys of this directory's cloud; make them if they are missing or damaged."""
    try:
        return load(state)
    except KeysError:
        return make(state)


def make(state: Path) -> RootKeys:
    """Write new random keys, in one step and for this user only."""
    key_id = "AKIA" + "".join(secrets.choice(KEY_ID_LETTERS) for _ in range(16))
    keys = RootKeys(key_id, secrets.token_urlsafe(30))
    part = keys_path(state).with_suffix(".json.part")
    part.unlink(missing_ok=True)  # one of an interrupted start may have another mode
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps(asdict(keys)))
        file.flush()
        os.fsync(file.fileno())
    part.replace(keys_path(state))
    return keys
