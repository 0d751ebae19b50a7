"""Invocations count as they would run at once on AWS, whatever they wait for here."""

from localcloud.function_runtime.concurrency import Concurrency, Slot

LIMIT = 1000
PROCESSES = 4


class Machine:
    """A few processes that take invocations in their order, on a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0
        self.concurrency = Concurrency(PROCESSES, lambda: self.now)
        self._queue: list[Slot] = []
        self._running: list[Slot] = []

    def invoke(self, function: str = "f", limit: int = LIMIT, **reserved: int) -> bool:
        """Return whether an invocation is admitted."""
        slot = self.concurrency.admit(function, reserved, limit)
        if slot is None:
            return False
        self._queue.append(slot)
        self.fill()
        return True

    def burst(self, number: int, function: str = "f", limit: int = LIMIT, **reserved: int) -> int:
        """Return how many of some simultaneous invocations are admitted."""
        return sum(self.invoke(function, limit, **reserved) for _ in range(number))

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def fill(self) -> None:
        while self._queue and len(self._running) < PROCESSES:
            self._running.append(self._queue.pop(0))
            self.concurrency.begin(self._running[-1])

    def run(self, seconds: float) -> None:
        """Let time pass and end what runs; what waits begins."""
        self.now += seconds
        for slot in self._running:
            self.concurrency.end(slot)
        self._running.clear()
        self.fill()

    def run_all(self, seconds: float) -> None:
        """Run all that waits, each for some seconds."""
        while self._running:
            self.run(seconds)


def warm(seconds: float, *functions: str) -> Machine:
    """Return a machine that knows how long functions take."""
    machine = Machine()
    for function in functions or ("f",):
        assert machine.invoke(function)
        machine.run(seconds)
    return machine


def test_a_queue_of_short_invocations_reaches_no_limit() -> None:
    """5,000 arrive within 10 s and take 50 ms each: some 25 at once on AWS, while thousands wait here."""
    machine = warm(0.05)
    for _ in range(200):
        assert machine.burst(25) == 25
        machine.run(0.05)
    assert machine.waiting > 4000
    machine.run_all(0.05)
    assert machine.burst(LIMIT + 1) == LIMIT


def test_short_invocations_are_throttled_when_so_many_arrive_at_once() -> None:
    machine = warm(0.05)
    assert machine.burst(1500) == LIMIT
    machine.run(0.06)  # on AWS, all have ended; here, a few
    assert machine.burst(1500) == LIMIT


def test_long_invocations_are_throttled_while_they_wait() -> None:
    machine = warm(60)
    for _ in range(50):
        machine.now += 1
        machine.burst(30)
    assert machine.burst(1) == 0


def test_before_one_has_ended_all_that_came_after_it_count() -> None:
    machine = Machine()
    assert machine.burst(5, limit=10) == 5
    machine.now += 30
    assert machine.burst(10, limit=10) == 5


def test_a_function_that_is_slower_than_before_is_noticed() -> None:
    """All processes have run it for 30 s, so what arrived in these runs as long."""
    machine = warm(0.05)
    assert machine.burst(10, limit=20) == 10
    machine.now += 30
    assert machine.burst(20, limit=20) == 10


def test_one_slow_invocation_keeps_no_place_for_the_others() -> None:
    machine = warm(0.05, "f", "g")
    machine.invoke("f")
    machine.burst(PROCESSES - 1, "g")
    assert machine.burst(5, "f", limit=10) == 5
    machine.now += 30
    assert machine.burst(10, "f", limit=10) == 10 - PROCESSES


def test_a_cold_start_is_soon_one_of_many() -> None:
    machine = warm(2)
    for _ in range(9):
        machine.invoke()
        machine.run(0.05)
    assert machine.burst(40, limit=40) == 40
    machine.run(0.25)  # longer than the average of ten, 0.245 s
    assert machine.burst(40, limit=40) == 40


def test_what_runs_counts_to_its_end() -> None:
    machine = warm(0.05)
    assert machine.burst(2, limit=2) == 2
    machine.now += 30
    assert not machine.invoke(limit=2)
    machine.run(0)
    assert machine.burst(3, limit=2) == 2


def test_what_began_later_than_it_would_have_ended_does_not_count() -> None:
    machine = warm(0.05, "f", "g")
    machine.burst(PROCESSES, "g")
    assert machine.invoke("f", f=1)
    machine.now += 1  # on AWS it has ended
    machine.run(0)  # here it begins
    assert machine.invoke("f", f=1)


def test_a_reservation_holds_for_its_function_and_is_taken_from_the_others() -> None:
    machine = Machine()
    assert machine.burst(5, "f", limit=10, f=3) == 3
    assert machine.burst(9, "g", limit=10, f=3) == 7
    assert machine.burst(1, "f", limit=10, f=0) == 0


def test_an_end_gives_its_place_back_also_before_it_began() -> None:
    machine = Machine()
    slots = [machine.concurrency.admit("f", {}, 6) for _ in range(6)]
    assert None not in slots
    assert machine.concurrency.admit("f", {}, 6) is None
    for slot in slots:
        assert slot is not None
        machine.concurrency.end(slot)
    assert machine.burst(7, limit=6) == 6
