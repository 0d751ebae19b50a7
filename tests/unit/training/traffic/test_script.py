"""What is sent and when: the mix, the changes, the corrupt files."""

from collections import Counter
from typing import Any

import pytest

from tests.unit.training.traffic.conftest import judge, photos
from training.errors import TrafficError
from training.options import Shift, TrafficOptions
from training.traffic import corrupt, script
from training.traffic.photos import Photo


def write(**options: Any) -> list[script.Item]:
    return script.write(TrafficOptions(**{"rate": 100.0, "duration": 10.0, **options}), photos())


def test_all_photos_are_sent_in_turn() -> None:
    items = write(duration=0.08)
    assert [item.number for item in items] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [item.content.photo.name for item in items] == ["0.png", "1.png", "2.png", "3.png"] * 2
    assert items[0].content is items[4].content


def test_a_mix_decides_how_often_a_class_is_sent() -> None:
    counts = Counter(item.content.class_name for item in write(mix=(("bicycle", 3), ("motorcycle", 1))))
    assert 700 < counts["bicycle"] < 800 and counts.total() == 1000
    assert {item.content.photo.name for item in write(mix=(("bicycle", 1),))} == {"0.png", "2.png"}


def test_a_class_without_photos_is_named() -> None:
    with pytest.raises(TrafficError, match="truck of --mix: the classes are bicycle, motorcycle"):
        write(mix=(("bicycle", 1), ("truck", 1)))


def test_shifts_begin_at_their_moments() -> None:
    items = write(shift=(Shift("dark", 0.9, 2.0), Shift("grey", 1.0, 5.0)))
    changes = [item.content.change for item in items]
    assert changes == ["unchanged"] * 200 + ["dark:0.9"] * 300 + ["dark:0.9+grey:1"] * 500
    assert len({id(item.content) for item in items}) == 3 * 4
    assert {item.content.class_name for item in items} == {"bicycle", "motorcycle"}


def test_corrupt_files_are_what_the_workflow_refuses_by_the_name_that_is_expected() -> None:
    items = [item for item in write(corrupt=0.5) if item.content.error]
    assert 430 < len(items) < 570
    assert {item.content.change.removeprefix("corrupt, ") for item in items} == set(corrupt.KINDS)
    for item in items:
        assert judge(item.content.body)[0] == item.content.error
        assert item.content.class_name == ""
    suffixes = {item.content.change: item.content.suffix for item in items}
    assert suffixes["corrupt, text"] == ".txt" and suffixes["corrupt, wrong extension"] == ".png"


def test_the_same_seed_sends_the_same_files_at_the_same_moments() -> None:
    options = {"corrupt": 0.2, "poisson": True, "mix": (("bicycle", 1), ("motorcycle", 1))}
    options["shift"] = (Shift("noise", 0.5, 3.0),)
    first, same, other = write(**options), write(**options), write(**options, seed=1)
    assert [(one.due, one.content) for one in first] == [(one.due, one.content) for one in same]
    assert [one.due for one in first] != [one.due for one in other]


def test_a_photo_that_pillow_cannot_read_is_named_only_where_it_is_changed() -> None:
    broken, options = [Photo("a/b.png", "a", b"text")], TrafficOptions(1, 2)
    assert len(script.write(options, broken)) == 2
    with pytest.raises(TrafficError, match=r"a/b\.png cannot be changed"):
        script.write(TrafficOptions(1, 2, shift=(Shift("dark", 0.5),)), broken)
