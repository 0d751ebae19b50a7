"""How many invocations would run at once on AWS, where an invocation never waits for a process.

Here a few processes run all functions, so invocations queue. Counted as they are, a burst of short ones would reach the
account's limit, although AWS would run a few dozen of them at once. So an invocation that waits counts for as long as
it would run on AWS: as long as its function takes on average. One that runs counts to its end, unless it had waited
longer than that before it began: on AWS it would have ended by then.
"""

import threading
import time
from collections.abc import Callable, Mapping

LONGEST_MEMORY = 10  # invocations: in the average of a function, a new one weighs a tenth at least


class Slot:
    """The place of one invocation among those that run at once."""

    def __init__(self, function: str, arrived: float) -> None:
        self.function = function
        self.arrived = arrived  # seconds on the clock
        self.began: float | None = None  # None while it waits for a process
        self.ended = False


class Activity:
    """The invocations of one function that wait or run, and how long they take on average."""

    def __init__(self) -> None:
        self.waiting: dict[Slot, None] = {}  # in order of arrival
        self.running: dict[Slot, float] = {}  # when each began
        self.average: float | None = None  # seconds, init phases included; None until one has ended
        self.weight = 0  # of the average, in invocations

    def end(self, slot: Slot, now: float) -> None:
        self.waiting.pop(slot, None)
        if slot in self.running:
            seconds = now - self.running.pop(slot)
            self.weight = min(self.weight + 1, LONGEST_MEMORY)
            average = self.average or 0.0
            self.average = average + (seconds - average) / self.weight

    def seconds(self, now: float, processes: int) -> float:
        """Return how long the function takes: at least as long as all processes have run it, if it has them all."""
        elapsed = [now - began for began in self.running.values()]
        if self.average is None:
            return max(elapsed, default=0.0)
        return max(self.average, min(elapsed)) if len(elapsed) == processes else self.average

    def at_once(self, now: float, processes: int) -> int:
        """Return how many invocations would run on AWS."""
        seconds = self.seconds(now, processes)
        count = sum(began - slot.arrived <= seconds for slot, began in self.running.items())
        for slot in reversed(self.waiting):
            if now - slot.arrived > seconds:
                break  # so have all that arrived before
            count += 1
        return count


class Concurrency:
    """Counts the invocations of all functions; safe to use from several threads."""

    def __init__(self, processes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Count nothing yet.

        Args:
            processes: How many invocations run at a time on this machine.
            clock: Returns seconds.
        """
        self._processes = processes
        self._clock = clock
        self._lock = threading.Lock()
        self._activities: dict[str, Activity] = {}
        self._under_way = 0

    def admit(self, function: str, reserved: Mapping[str, int], limit: float) -> Slot | None:
        """Return the slot of a new invocation, None when as many as AWS allows would run at once.

        Args:
            reserved: ReservedConcurrentExecutions of the functions that have it; the others share the rest.
            limit: Of all functions together.
        """
        with self._lock:
            now, activity = self._clock(), self._activities.setdefault(function, Activity())
            if function in reserved:
                limit, sharing = reserved[function], [activity]
            else:
                limit -= sum(reserved.values())
                sharing = [found for name, found in self._activities.items() if name not in reserved]
            if sum(found.at_once(now, self._processes) for found in sharing) >= limit:
                return None
            slot = Slot(function, now)
            if self._under_way < self._processes:  # a process is free
                self._begin(slot, now)
            else:
                activity.waiting[slot] = None
            self._under_way += 1
            return slot

    def begin(self, slot: Slot) -> None:
        """Note that a process takes the invocation."""
        with self._lock:
            if slot.began is None:
                self._begin(slot, self._clock())

    def end(self, slot: Slot) -> None:
        """Note that the invocation has ended, once; how long it ran counts towards its function's average."""
        with self._lock:
            if not slot.ended:
                slot.ended = True
                self._under_way -= 1
                self._activities[slot.function].end(slot, self._clock())

    def _begin(self, slot: Slot, now: float) -> None:
        activity = self._activities[slot.function]
        activity.waiting.pop(slot, None)
        slot.began = activity.running[slot] = now
