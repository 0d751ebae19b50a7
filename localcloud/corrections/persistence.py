"""Saves MiniStack's state while it runs: by itself MiniStack saves only when it shuts down cleanly.

Objects in S3 and SageMaker's resources are on disk when their request is answered. Everything else is saved here
within PAUSE_SECONDS of a change, so a crash loses no more than that. A long history takes longer to save: the pause
then grows, so that saving never takes more than a tenth of one core.
"""

import logging
import threading
import time

from ministack import app
from ministack.core.persistence import save_state
from ministack.services import stepfunctions

PAUSE_SECONDS = 1.0
SHARE = 0.1  # of one core

logger = logging.getLogger(__name__)


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

    def stop(self) -> None:
        """Return when nothing is being saved any more; MiniStack saves the rest when it shuts down."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause = PAUSE_SECONDS
        while not self._stopping.wait(pause):
            running = any_execution_runs()  # asked before saving: the end of an execution must be saved as well
            if self._changed.is_set() or running:
                self._changed.clear()
                started = time.thread_time()
                if not save() or running:
                    self._changed.set()
                pause = max(PAUSE_SECONDS, (time.thread_time() - started) / SHARE)


def any_execution_runs() -> bool:
    return any(execution["status"] == "RUNNING" for execution in list(stepfunctions._executions._data.values()))


def save() -> bool:
    """Save the state of every service; returns whether all could be saved.

    Each file is replaced in one step, so a crash leaves the old or the new state, never half of one.
    """
    complete = True
    for service, get_state in app._build_persistence_save_dict().items():
        try:
            state = get_state()
        except RuntimeError as err:  # it changed while it was copied
            logger.debug("%s is saved next time: %s", service, err)
            complete = False
            continue
        if state is not None:
            save_state(service, state)
    return complete
