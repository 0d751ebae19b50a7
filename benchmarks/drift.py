"""Measure drift detection: false alarms on photos that did not drift, power and delay for those that did.

    python benchmarks/drift.py --archive PATH --models DIRECTORY

Each model is trained on half of the archive's photos of two classes (kept in the directory), with a profile from
cross-validation or from its validation photos. Windows are drawn from the other half, without replacement, so that 200
windows of one model have photos in common. There are not 2,000 new photos for a stream: "drawn" lines draw profile and
stream from the same new photos, with replacement, which shows the method alone, without the difference between the
networks of the profile and the model. docs/monitoring.md has the table.
"""

import argparse
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.drift_changes import CHANGES, Change  # noqa: E402
from benchmarks.drift_models import FOLDS, Floats, Pixels, Trained, trained, unseen_photos  # noqa: E402
from benchmarks.model import CLASSES  # noqa: E402
from training.algorithm.photo_statistics import STATISTICS, measure  # noqa: E402
from training.captures.order import shuffled_within_hours  # noqa: E402
from training.statistics.drift import compare  # noqa: E402
from training.statistics.martingale import Martingales  # noqa: E402
from training.statistics.profile import CONFIDENCE, parse, probability_name  # noqa: E402

SIZES = (50, 200)  # photos of a window
WINDOWS, STREAMS, DRIFTED = 200, 200, 40  # windows and streams without drift; streams of each drift
ORDERED = 100  # streams of each order
LONG = 2000  # photos of a stream without drift
BEFORE = 100  # photos without drift before a drift
AFTER = 400  # photos of the drift
NEVER = 1 << 30

Rows = NDArray[np.int64]
Table = dict[str, Floats]
Pair = tuple[Table, Table]  # a profile, and photos to compare with it


# Orders of undrifted photos, from the labels of all new photos and the rows that come.
ORDERS: dict[str, Callable[[Rows, Rows], Rows]] = {
    "sorted by class": lambda labels, rows: rows[np.argsort(labels[rows], kind="stable")],
    "250 photos, each twice in a row": lambda labels, rows: np.repeat(rows[:250], 2),
    "50 photos, again and again": lambda labels, rows: np.tile(rows[:50], 20),
}


@dataclass(frozen=True)
class Photos:
    """The statistics of some photos and their labels; -1: of no class."""

    table: Table
    labels: Rows  # (n,)
    right: Floats  # (n,), 1 or 0

    def rows(self, rows: Rows) -> Table:
        return {name: values[rows] for name, values in self.table.items()}


@dataclass(frozen=True)
class Watch:
    """A model, its profile and new photos."""

    model: Trained
    reference: Table
    new: Photos


Drifted = tuple[Watch, Photos, Floats | None]  # with weights of the photos; None: all the same


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, required=True, help="CIFAR-100 python archive (.tar.gz)")
    parser.add_argument("--models", type=Path, required=True, help="directory that keeps the trained models")
    parser.add_argument("--seeds", type=int, default=2, help="models of each kind (default 2)")
    arguments = parser.parse_args()
    watches = {}
    for name, folds in (("cross-validated", FOLDS), ("validation photos", 0)):
        models = [trained(arguments.archive, seed, arguments.models, folds=folds) for seed in range(arguments.seeds)]
        watches[name] = [watch_of(model) for model in models]
    print_false_alarms(watches)
    print_orders(watches["validation photos"])
    print_power(watches["cross-validated"])


def watch_of(model: Trained) -> Watch:
    reference = parse((model.directory / "profile.json").read_bytes()).values(CLASSES)
    return Watch(model, reference, photos_of(model, model.pixels, model.labels))


def photos_of(model: Trained, pixels: Pixels, labels: Rows) -> Photos:
    """Return what a profile is compared with, of photos as the network gets them."""
    answers = model.answer(pixels)
    statistics = dict(zip(STATISTICS, measure(pixels).T, strict=True))
    found = {CONFIDENCE: answers.max(axis=1), probability_name(CLASSES[0]): answers[:, 0]}
    return Photos(statistics | found, labels, (answers.argmax(axis=1) == labels).astype(np.float64))


def print_false_alarms(watches: dict[str, list[Watch]]) -> None:
    print("| profile | windows of 200 that alarm | streams that alarm |\n|---|---|---|")
    for name, some in watches.items():
        photos = len(some[0].new.labels)
        windows = [(one.reference, one.new.rows(rows)) for one, rows in draws(some, WINDOWS, SIZES[-1])]
        streams = [(one.reference, one.new.rows(rows)) for one, rows in draws(some, STREAMS, photos)]
        print(false_alarm_row(name, windows, streams, photos), flush=True)
    new = next(iter(watches.values()))[0].new
    for size in (50, 500):
        random = np.random.default_rng(size)
        rows = [random.integers(len(new.labels), size=size + LONG) for _ in range(STREAMS)]
        streams = [(new.rows(row[:size]), new.rows(row[size:])) for row in rows]
        windows = [(new.rows(row[:size]), new.rows(row[-SIZES[-1] :])) for row in rows]
        print(false_alarm_row(f"drawn, {size} photos", windows, streams, LONG), flush=True)


def false_alarm_row(name: str, windows: list[Pair], streams: list[Pair], photos: int) -> str:
    """Return a row of the table; windows and streams come with what they are compared with."""
    first = [first_alarm(*pair, seed) for seed, pair in enumerate(streams)]
    shares = percent([alarms(*pair) for pair in windows]), percent([one < NEVER for one in first])
    return f"| {name} | {shares[0]} | {shares[1]}, of {photos:,} photos |"


def print_orders(watches: list[Watch]) -> None:
    """Print how often undrifted photos alarm that come in an order of their own, and those in the order of monitor."""
    print("\n| photos come | windows, as they come | streams | windows, as tested | streams |\n|---|---|---|---|---|")
    for name, order in ORDERS.items():
        drawn = draws(watches, ORDERED, len(watches[0].new.labels))
        come = [(one, order(one.new.labels, rows)) for one, rows in drawn]
        tested = [(one, rows[random_order(len(rows), seed)]) for seed, (one, rows) in enumerate(come)]
        print(f"| {name} | {' | '.join(cell for some in (come, tested) for cell in alarm_cells(some))} |", flush=True)


def alarm_cells(some: list[tuple[Watch, Rows]]) -> tuple[str, str]:
    """Return how many newest windows and how many streams alarm."""
    windows = [alarms(one.reference, one.new.rows(rows[-SIZES[-1] :])) for one, rows in some]
    first = [first_alarm(one.reference, one.new.rows(rows), seed) for seed, (one, rows) in enumerate(some)]
    return percent(windows), percent([one < NEVER for one in first])


def random_order(number: int, seed: int) -> Rows:
    """Return the order in which monitor tests photos of one hour."""
    random = Random(seed)
    ids = [str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(number)]
    hour = pd.to_datetime(["2026-05-04T12:00:00Z"] * number)
    return shuffled_within_hours(pd.DataFrame({"time": hour, "event_id": ids}))


def draws(watches: list[Watch], number: int, size: int) -> list[tuple[Watch, Rows]]:
    """Return new photos of the models in turn, without replacement."""
    random = np.random.default_rng(number + size)
    chosen = (watches[turn % len(watches)] for turn in range(number))
    return [(one, random.permutation(len(one.new.labels))[:size]) for one in chosen]


def alarms(reference: Table, window: Table) -> bool:
    return any(one.alarm for one in compare(reference, window))


def first_alarm(reference: Table, stream: Table, seed: int) -> int:
    """Return the photo, from 1, at which the martingale alarms, `NEVER` when it does not."""
    martingales = Martingales(reference, seed)
    martingales.add(stream)
    return martingales.alarm_at or NEVER


def percent(found: list[bool]) -> str:
    return f"{sum(found)} of {len(found)}"


def print_power(watches: list[Watch]) -> None:
    print("\n| drift | right | mean confidence | windows of 50 | windows of 200 | median delay | first by |")
    print("|---|---|---|---|---|---|---|")
    print(power_row("none", [(one, one.new, None) for one in watches]), flush=True)
    for name, change in CHANGES.items():
        print(power_row(name, [(one, changed(one, change), None) for one in watches]), flush=True)
    print(power_row("unseen class: a portrait", [(one, unseen(one), None) for one in watches]), flush=True)
    mixed: list[Drifted] = [(one, one.new, np.where(one.new.labels == 0, 0.1, 0.9)) for one in watches]
    print(power_row("mix 50:50 to 10:90", mixed))


def changed(one: Watch, change: Change) -> Photos:
    pixels = np.stack([np.asarray(change(Image.fromarray(photo))) for photo in one.model.pixels])
    return photos_of(one.model, pixels, one.model.labels)


def unseen(one: Watch) -> Photos:
    pixels = unseen_photos()
    return photos_of(one.model, pixels, np.full(len(pixels), -1))


def power_row(name: str, drifted: Sequence[Drifted]) -> str:
    """Return a row of the table: windows of drifted photos, and streams that drift after `BEFORE` photos."""
    random = np.random.default_rng(len(name))
    right = np.mean([np.average(photos.right, weights=weights) for _, photos, weights in drifted])
    sure = np.mean([np.average(photos.table[CONFIDENCE], weights=weights) for _, photos, weights in drifted])
    cells, first = [], ""
    for size in SIZES:
        windows = [
            compare(one.reference, photos.rows(draw(random, photos, weights, size)))
            for one, photos, weights in turns(drifted, WINDOWS)
        ]
        alarming = [max(window, key=lambda test: test.distance) for window in windows if any(t.alarm for t in window)]
        cells.append(f"{len(alarming) / len(windows):.1%}")
        first = Counter(test.statistic for test in alarming).most_common(1)[0][0] if alarming else ""
    return f"| {name} | {right:.1%} | {sure:.1%} | {' | '.join(cells)} | {delay(random, drifted)} | {first} |"


def delay(random: np.random.Generator, drifted: Sequence[Drifted]) -> str:
    """Return the median number of drifted photos until the martingale alarms."""
    delays = []
    for seed, (one, photos, weights) in enumerate(turns(drifted, DRIFTED)):
        before = one.new.rows(draw(random, one.new, None, BEFORE))
        after = photos.rows(draw(random, photos, weights, AFTER))
        stream = {key: np.concatenate((before[key], after[key])) for key in before}
        delays.append(first_alarm(one.reference, stream, seed) - BEFORE)
    median = float(np.median(delays))
    return f"{median:.0f}" if median <= AFTER else f"more than {AFTER}"


def turns(some: Sequence[Drifted], number: int) -> list[Drifted]:
    return [some[turn % len(some)] for turn in range(number)]


def draw(random: np.random.Generator, photos: Photos, weights: Floats | None, size: int) -> Rows:
    """Return rows, without replacement except by weights, which make photos of one class likelier."""
    share = None if weights is None else weights / weights.sum()
    return random.choice(len(photos.labels), size, replace=weights is not None, p=share)


if __name__ == "__main__":
    main()
