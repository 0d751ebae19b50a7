"""A hostile directory of photos: what can be used is used, every other file is named with its reason.

    python -m drill.folders

The directory is read in a process of its own, whose time and memory are limited, as `drill/archives.py` reads archives.
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from rich.console import Console

from drill import hostile_images
from drill.archives import attempt, judge
from drill.finding import Finding
from drill.table import show
from training.dataset import outcomes
from training.dataset.choice import Shares
from training.dataset.own_photos import Wanted, make_dataset

USABLE = 20  # photos of each class
SECRET = "secret.png"  # beside the directory: only a link leads there


def findings() -> Iterator[Finding]:
    """Yield a finding for a directory of everything that is hostile, and one for each that is refused as a whole."""
    with tempfile.TemporaryDirectory(prefix="drill-") as place:
        photos, run = Path(place) / "photos", Path(place) / "run"
        expected = fill(photos)
        outcome = attempt(lambda: read(photos, run))
        finding = judge("directory: photos among broken and hostile files", outcome, {True})
        yield finding if not finding.as_designed else compare(finding, expected, run)
    for name, build in {
        "no folders": lambda photos: photos.mkdir(),
        "folders of nothing but bombs": bombs_only,
        "folders that are links out of it": links_only,
    }.items():
        with tempfile.TemporaryDirectory(prefix="drill-") as place:
            photos = Path(place) / "photos"
            build(photos)
            outcome = attempt(lambda photos=photos: read(photos, photos.parent / "run"))  # type: ignore[misc]  # bound now
            yield judge(f"directory: {name}", outcome, {False})


def fill(photos: Path) -> dict[str, str]:
    """Write a directory; returns the reason for which each of its unusable files must be left out."""
    expected = {}
    for number in range(2 * USABLE):
        folder = photos / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((64, 64), 80).resize((3, 3)).resize((80, 60)).save(folder / f"photo{number}.png")
    hostile = {"too large": hostile_images.too_large(), "broken or not a photo": hostile_images.broken()}
    for reason, contents in hostile.items():
        for number, (_, content) in enumerate(contents):
            name = f"a/{reason} {number}"
            (photos / name).write_bytes(content)
            expected[name] = reason
    Image.new("L", (64, 64), 9).save(photos.parent / SECRET)
    (photos / "a/out").symlink_to(photos.parent / SECRET)
    (photos / "a/up").symlink_to("..")
    (photos / "a/self").symlink_to("self")
    (photos / "c").symlink_to(photos.parent)
    os.mkfifo(photos / "b/pipe")
    return expected | {"a/out": "link", "a/up": "link", "a/self": "unreadable", "c": "link", "b/pipe": "unreadable"}


def bombs_only(photos: Path) -> None:
    for name in ("a", "b"):
        (photos / name).mkdir(parents=True)
        for number in range(20):
            (photos / name / f"{number}.png").write_bytes(hostile_images.png(width=2**31 - 1, height=2**31 - 1))


def links_only(photos: Path) -> None:
    photos.mkdir()
    for name in ("a", "b"):
        (photos.parent / name).mkdir()
        (photos / name).symlink_to(photos.parent / name)


def read(photos: Path, run: Path) -> None:
    wanted = Wanted(photos, (), 64, Shares(0.2, 0.1, 0), keep_duplicates=False)
    make_dataset(wanted, run, Console(file=io.StringIO()))


def compare(finding: Finding, expected: dict[str, str], run: Path) -> Finding:
    """Judge the table of outcomes: the reason of each file, and that all photos are used."""
    table = outcomes.read(run)
    assert table is not None
    lost = table[table["outcome"] == outcomes.LEFT_OUT]
    found = dict(zip(lost["file"], lost["reason"], strict=True))
    wrong = {name for name in expected.keys() | found.keys() if found.get(name, "-") not in expected.get(name, "")}
    used = len(table) - len(lost)
    said = f"{finding.happened}; {used} used, {len(found)} left out, {len(wrong)} for another reason"
    return Finding(finding.fault, f"{said} {sorted(wrong)[:3]}" if wrong else said, not wrong and used == 2 * USABLE)


def main() -> int:
    return show(findings())


if __name__ == "__main__":
    sys.exit(main())
