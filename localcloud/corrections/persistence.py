"""Saves MiniStack's state while it runs: by itself MiniStack saves only when it shuts down cleanly.

Objects in S3, messages of queues, events on their way to the targets of rules, and SageMaker's resources are on disk
when their request is answered. Everything else is saved here within PAUSE_SECONDS of a change, so a crash loses no more
than that. A long history takes longer to save: the pause then grows, so that saving never takes more than a tenth of
one core. While the disk refuses a file, saving is tried again, and requests that change the state are refused
(`Saver.problem`).
"""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import persistence as ministack_persistence
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

from localcloud.corrections import log_events, metric_data
from localcloud.files import set_aside, write_durably

PAUSE_SECONDS = 1.0
SHARE = 0.1  # of one core
DEEPEST, ITEMS = 7, 50  # levels of a state that are encoded by themselves, and items of a list that are encoded at once
COPIES = 5  # attempts to copy a state that changes meanwhile

logger = logging.getLogger(__name__)
unsaved: dict[str, str] = {}  # why the last state of a service is not on disk, by service
runs: list[Callable[[], bool]] = []  # each says whether something runs whose end must be saved
changed_without_request = threading.Event()  # the saver clears it when it saves


def keep_to_services_in_use(original: dict[str, str]) -> dict[str, str]:
    """Return the files of saved state that belong to services in use, by name, with the module of each.

    CloudFormation imports the modules of most other services for their resource types. MiniStack would write some 40
    empty files at each save, which takes 0.1 s, and import those modules again at the next start.
    """
    used = [config for name, config in app.SERVICE_REGISTRY.items() if name in app.SERVICE_HANDLERS]
    modules = {config["module"] for config in used} | {
        name for config in used for name in config.get("sub_modules", ())
    }
    return {key: module for key, module in original.items() if module in modules}


def save_durably(original: Callable[[str, dict[str, Any]], None]) -> Callable[[str, dict[str, Any]], None]:
    """Save a service's state if it has changed; keep the reason in `unsaved` when that fails."""
    digests: dict[str, bytes] = {}  # of what is on disk, by service

    def save_state(service: str, data: dict[str, Any]) -> None:
        path = state_path(service)
        try:
            content = encoded(service, data)
        except (TypeError, ValueError) as err:  # something that is not JSON: no room on the disk would help
            logger.error("The state of %s cannot be saved: %s.", service, err)
            return
        digest = hashlib.sha256(content).digest()
        if digests.get(service) == digest and path.exists():
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, content)
        except OSError as err:
            if service not in unsaved:
                logger.error("The state of %s cannot be saved: %s. It is tried again.", service, err)
            unsaved[service] = str(err)
            return
        digests[service] = digest
        unsaved.pop(service, None)

    return save_state


def encoded(service: str, data: dict[str, Any]) -> bytes:
    """Return the content of a file of saved state, as MiniStack reads it."""
    version = ministack_persistence._state_format_version(service)
    content = {"__ministack_format__": version, "payload": data}
    return "".join(pieces(content)).encode()


def pieces(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield JSON in short pieces: while one is made, no other thread runs, and so no request is answered."""
    if isinstance(value, AccountScopedDict | AccountRegionScopedDict):
        value = ministack_persistence._json_default(value)
    if isinstance(value, dict) and value and depth < DEEPEST and all(isinstance(name, str) for name in value):
        for number, (name, member) in enumerate(value.items()):
            yield f"{', ' if number else '{'}{json.dumps(name)}: "
            yield from pieces(member, depth + 1)
        yield "}"
    elif isinstance(value, list) and len(value) > ITEMS:
        for start in range(0, len(value), ITEMS):
            yield f"{', ' if start else '['}{dumps(value[start : start + ITEMS])[1:-1]}"
        yield "]"
    else:
        yield dumps(value)


def dumps(value: Any) -> str:
    return json.dumps(value, default=ministack_persistence._json_default)


def state_path(service: str) -> Path:
    return Path(ministack_persistence.STATE_DIR, f"{service}.json")


def start_without_damaged_files(original: Callable[[], None]) -> Callable[[], None]:
    """Load the saved state of every service. A file that cannot be used is set aside, not overwritten."""

    def load_persisted_state() -> None:
        for service, module in app._state_map.items():
            if state_path(service).exists() and not load(service, module):
                aside = set_aside(state_path(service))
                lost = "The local cloud starts without what it held"
                logger.error("%s is damaged. It is now %s. %s.", state_path(service), aside.name, lost)
        log_events.take_up_blocks()

    return load_persisted_state


def load(service: str, module: str) -> bool:
    """Return whether a service has taken over its saved state."""
    try:
        data = app.load_state(service)
        if data:
            app._get_module(module).load_persisted_state(data)
    except Exception:  # whatever MiniStack meets in a file of another shape
        logger.exception("%s", state_path(service))
        return False
    return data is not None


class Saver:
    """A thread that saves changes in the background."""

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def note(self, method: str) -> None:
        """Take note of a request: it may have changed the state unless its HTTP method only reads."""
        if method not in ("GET", "HEAD"):
            self._changed.set()

    @property
    def problem(self) -> str:
        """A sentence that says why the state is not saved, "" while it is."""
        reasons = "; ".join(sorted(set(unsaved.values())))
        return f"The local cloud cannot save its state: {reasons}. Make room on the disk." if reasons else ""

    def stop(self) -> None:
        """Return when nothing is being saved any more; MiniStack saves the rest when it shuts down."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause = PAUSE_SECONDS
        while not self._stopping.wait(pause):
            running = any_execution_runs()  # asked before saving: the end of an execution must be saved as well
            if self._changed.is_set() or changed_without_request.is_set() or running:
                self._changed.clear()
                changed_without_request.clear()
                started = time.thread_time()
                if not save() or running:
                    self._changed.set()
                pause = max(PAUSE_SECONDS, (time.thread_time() - started) / SHARE)


def any_execution_runs() -> bool:
    return any(one() for one in runs)


def save() -> bool:
    """Save the state of every service; returns whether all could be saved."""
    complete = True
    metric_data.prepare_for_saving()
    for service, get_state in app._build_persistence_save_dict().items():
        try:
            state = copy_of(get_state)
        except RuntimeError as err:
            logger.debug("%s is saved next time: %s", service, err)
            complete = False
            continue
        if state is not None:
            ministack_persistence.save_state(service, state)
    return complete and not unsaved


def copy_of(get_state: Callable[[], Any]) -> Any:
    """Return a copy of a service's state. One that changes meanwhile is copied again: under load it always does.

    Raises:
        RuntimeError: It has changed each time.
    """
    for _ in range(COPIES - 1):
        with suppress(RuntimeError):
            return get_state()
    return get_state()
