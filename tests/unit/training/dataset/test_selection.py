"""The selection: which photos, held out how, under which names."""

from typing import Any

import numpy as np
import pytest

from training.dataset.archive import Archive, read
from training.dataset.overview import counts
from training.dataset.selection import file_names, label_numbers, select
from training.errors import DatasetError

CLASSES = ("bicycle", "motorcycle")


def test_labels_are_found_by_name_in_the_order_asked_for() -> None:
    assert label_numbers(["apple", "bicycle", "motorcycle"], ["motorcycle", "apple"]) == [2, 0]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("bicycle", "motorcicle"), r"no class 'motorcicle': the closest are motorcycle\."),
        (("bicycle", "zzz"), "no class 'zzz': the closest are apple, bicycle, motorcycle"),
        (("bicycle", "bicycle"), "bicycle is asked for more than once"),
        (("bicycle",), "Two classes or more"),
        ((), "Two classes or more"),
    ],
)
def test_classes_that_do_not_fit_are_named(archive: Archive, classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        select(archive, classes, 0.1, seed=0)


def test_the_label_order_is_the_order_asked_for(archive: Archive) -> None:
    index = select(archive, ("motorcycle", "apple", "bicycle"), 0.4, seed=0)
    assert index.groupby("label")["class_name"].unique().explode().tolist() == ["motorcycle", "apple", "bicycle"]


def test_a_class_without_test_images_is_named(archive: Archive) -> None:
    with pytest.raises(DatasetError, match="class road has no test image"):
        select(archive, ("bicycle", "road"), 0.1, seed=0)


@pytest.mark.parametrize("labels", [[1, 1, 1], [1, 1, 2]])
def test_a_class_with_too_few_training_images_is_named(write_archive: Any, labels: list[int]) -> None:
    train = {"data": np.zeros((3, 3072), np.uint8), "fine_labels": labels, "filenames": ["a", "b", "c"]}
    with pytest.raises(DatasetError, match=f"motorcycle has {labels.count(2)} training images"):
        select(read(write_archive(train=train)), CLASSES, 0.1, seed=0)


@pytest.mark.parametrize(("share", "validation"), [(0.1, 2), (0.001, 1), (0.5, 10), (0.999, 19)])
def test_validation_takes_its_share_of_every_class(archive: Archive, share: float, validation: int) -> None:
    by_class = counts(select(archive, CLASSES, share, seed=0))
    assert list(by_class.loc["bicycle"]) == [20 - validation, validation, 5]
    assert list(by_class.loc["motorcycle"]) == [20 - validation, validation, 5]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_that_leaves_nothing_is_refused(archive: Archive, share: float) -> None:
    with pytest.raises(DatasetError, match="between 0 and 1"):
        select(archive, CLASSES, share, seed=0)


def test_a_negative_seed_is_refused(archive: Archive) -> None:
    with pytest.raises(DatasetError, match="seed -1"):
        select(archive, CLASSES, 0.1, seed=-1)


def test_no_photo_is_in_two_splits(archive: Archive) -> None:
    index = select(archive, CLASSES, 0.3, seed=0)
    from_train = index[index["split"] != "test"]
    assert len(from_train) == 40
    assert from_train["row"].is_unique
    assert index["s3_key"].is_unique


def test_the_split_depends_on_the_seed_and_nothing_else(archive: Archive) -> None:
    def held_out(classes: tuple[str, ...], seed: int) -> set[int]:
        index = select(archive, classes, 0.3, seed)
        return set(index.loc[(index["split"] == "validation") & (index["class_name"] == "bicycle"), "row"])

    assert held_out(CLASSES, 0) == held_out(("apple", "bicycle"), 0)
    assert held_out(CLASSES, 0) != held_out(CLASSES, 1)


@pytest.mark.parametrize(
    ("names", "safe"),
    [
        (["a.png", "b.png"], ["a.png", "b.png"]),
        (["../../etc/passwd", "C:\\photos\\b.png"], ["passwd.png", "b.png"]),
        (["a\tb\n.png", "ü ö.png"], ["a_b_.png", "___.png"]),
        (["a.png", "A.png"], ["a.png", "A-1.png"]),
        (["a.png", "a-2.png", "a.png"], ["a.png", "a-2.png", "a-2-2.png"]),
        (["..", ""], ["0.png", "1.png"]),
        (["a.jpeg", "a"], ["a.jpeg.png", "a.png"]),
        (["-rf.png", ".-a.png", "--", "a-b.png"], ["rf.png", "a.png", "2.png", "a-b.png"]),
        (["con.png", "LPT1.tar.png", "nul", "console.png"], ["_con.png", "_LPT1.tar.png", "_nul.png", "console.png"]),
        (["é" * 300, "é" * 300], [f"{'_' * 100}.png", f"{'_' * 100}-1.png"]),
    ],
)
def test_file_names_are_safe_and_unique(names: list[str], safe: list[str]) -> None:
    assert file_names(names, range(len(names))) == safe


def test_long_names_stay_short_and_unique_however_often_they_collide() -> None:
    names = ["x" * 300] * 5 + ["x" * 99 + "-5", "x" * 98 + "-6", "x" * 98 + "-6-6"] + ["x" * 98] * 3
    safe = file_names(names, range(len(names)))
    assert len({name.lower() for name in safe}) == len(names)
    assert max(map(len, safe)) <= 100 + len("-10") + len(".png")
