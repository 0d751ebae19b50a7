"""The schedule never waits for answers; what came late, failed or was interrupted is told."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.unit.training.fakes import client_error
from tests.unit.training.traffic.conftest import png
from training.traffic import sending
from training.traffic.photos import Photo
from training.traffic.records import ACCEPTED, FAILED, NOT_SENT, UNANSWERED, Record
from training.traffic.script import Content, Item

CONTENT = Content(Photo("a.png", "bicycle", png()), "unchanged", png(), ".png")


class Silent:
    """Shows nothing, and counts what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def sent(self, record: Record) -> None:
        self.told.append("sent")

    def done(self, record: Record) -> None:
        self.told.append("done")

    def update(self) -> None:
        pass


class Slow:
    """A way through a stack that takes `seconds` for each request, and answers when it is taken."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.sent: list[Record] = []
        self.most_at_once = 0
        self.answers = True
        self.interrupt_after = 10**9  # looks
        self.refuse: Exception | None = None
        self.unreadable: Exception | None = None
        self._at_once = 0
        self._lock = threading.Lock()

    def send(self, record: Record) -> None:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        time.sleep(self.seconds)
        with self._lock:
            self._at_once -= 1
        if self.refuse:
            raise self.refuse
        self.sent.append(record)

    def look(self) -> Iterator[Record]:
        self.interrupt_after -= 1
        if self.interrupt_after < 0:
            self.interrupt_after = 10**9
            raise KeyboardInterrupt
        if self.unreadable:
            raise self.unreadable
        while self.answers and self.sent:
            record = self.sent.pop()
            record.outcome = ACCEPTED
            yield record

    def has_news(self) -> bool:
        return False


def records(*due: float) -> list[Record]:
    return [Record(Item(number, moment, CONTENT), f"k/{number}") for number, moment in enumerate(due, start=1)]


def run(route: Slow, photos: Sequence[Record], wait: float = 5.0) -> tuple[sending.Ended, list[str]]:
    show = Silent()
    return sending.run(route, photos, wait, show), show.told


def test_a_slow_answer_delays_no_photo() -> None:
    photos, route = records(*(number / 50 for number in range(20))), Slow(seconds=0.5)
    ended, told = run(route, photos)
    assert route.most_at_once > 10  # a loop that waits for answers has one at once
    assert max(photo.lag for photo in photos) < 0.3  # and is ten seconds late at the end
    assert ended.seconds < 3 and sorted(told) == ["done"] * 20 + ["sent"] * 20
    assert {photo.outcome for photo in photos} == {ACCEPTED}


def test_photos_that_find_no_free_request_are_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SENDERS", 1)
    photos = records(0, 0, 0, 0)
    run(Slow(seconds=0.1), photos)
    assert [round(photo.lag, 1) for photo in photos] == pytest.approx([0.0, 0.1, 0.2, 0.3], abs=0.11)
    assert photos[3].lag >= 0.3


def test_a_refused_photo_fails_by_name_and_the_others_go_on() -> None:
    route, photos = Slow(), records(0, 0.01)
    route.refuse = client_error("SlowDown", "Reduce your rate")
    run(route, photos)
    assert [(one.outcome, one.error) for one in photos] == [(FAILED, "SlowDown")] * 2
    route.refuse = EndpointConnectionError(endpoint_url="http://x")
    run(route, photos)
    assert {one.error for one in photos} == {"EndpointConnectionError"}


def test_photos_without_an_answer_end_the_wait() -> None:
    route, photos = Slow(), records(0, 0)
    route.answers = False
    ended, _ = run(route, photos, wait=0.1)
    assert [photo.outcome for photo in photos] == [UNANSWERED] * 2
    assert 0.1 <= ended.seconds < 2 and not ended.interrupted


def test_an_interruption_sends_no_more_and_keeps_what_is_there() -> None:
    route, photos, others = Slow(), records(0, 0, 60), threading.active_count()
    route.interrupt_after = 10
    ended, _ = run(route, photos)
    assert ended.interrupted and ended.seconds < 10
    assert [photo.outcome for photo in photos] == [ACCEPTED, ACCEPTED, NOT_SENT]
    assert threading.active_count() < others + 10


def test_an_aws_that_does_not_answer_is_looked_at_again() -> None:
    route, photos = Slow(), records(0)
    route.unreadable = client_error("ServiceUnavailable", "later")
    threading.Timer(0.2, lambda: setattr(route, "unreadable", None)).start()
    ended, _ = run(route, photos, wait=60)  # as long as another look takes on a busy machine
    assert photos[0].outcome == ACCEPTED and ended.unreadable == ""
    route.unreadable = client_error("ServiceUnavailable", "later")
    ended, _ = run(route, records(0), wait=0.05)
    assert ended.unreadable == "ServiceUnavailable: later"


def test_another_error_stops_the_sender_too() -> None:
    route = Slow()
    route.unreadable = KeyError("a bug")
    with pytest.raises(KeyError):
        run(route, records(0, 60))
    assert "sender" not in {thread.name for thread in threading.enumerate()}
