"""The choice among photos: copies of one are used once, in one split, and every class has enough."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.dataset.scenes import scene
from training.dataset.choice import Candidate, Shares, refuse_few, split, usable
from training.dataset.decoding import Refusal
from training.dataset.folders import LeftOut, Photo
from training.dataset.index import COLUMNS
from training.dataset.lookalikes import Look, look_of
from training.errors import DatasetError

SHARES = Shares(test=0.2, validation=0.1, seed=0)


def candidate(name: str, number: int, digest: str = "", outcome: Look | Refusal | None = None) -> Candidate:
    """Return a photo in the folder `name` begins with, which shows the scene `number`."""
    photo = Photo(name, name.partition("/")[0], Path(name))
    return Candidate(photo, digest or name, outcome or look_of(np.asarray(scene(number))))


def many(name: str, count: int, start: int = 0) -> list[Candidate]:
    return [candidate(f"{name}/{number}.jpg", number) for number in range(start, start + count)]


def names(used: list[Candidate]) -> list[str]:
    return [one.photo.name for one in used]


def reasons(refused: list[LeftOut]) -> dict[str, tuple[str, str]]:
    return {line.name: (line.reason, line.detail) for line in refused}


def test_of_photos_that_look_the_same_the_first_is_used() -> None:
    used, refused = usable([candidate("a/1", 1), candidate("a/2", 2), candidate("a/3", 1), candidate("a/4", 1)], False)
    assert names(used) == ["a/1", "a/2"]
    looks_like = ("duplicate", "It looks like a/1, which is used.")
    assert reasons(refused) == {"a/3": looks_like, "a/4": looks_like}


def test_no_photo_is_used_that_is_in_two_classes() -> None:
    given = [candidate("a/1", 1), candidate("a/2", 2), candidate("a/3", 1), candidate("b/1", 3), candidate("b/2", 1)]
    used, refused = usable(given, False)
    assert names(used) == ["a/2", "b/1"]
    assert reasons(refused) == {
        "a/1": ("in two classes", "It looks like b/2: keep one of them."),
        "a/3": ("in two classes", "It looks like a/1: keep one of them."),
        "b/2": ("in two classes", "It looks like a/1: keep one of them."),
    }


def test_duplicates_can_be_kept_but_not_copies_of_the_bytes() -> None:
    given = [candidate("a/1", 1, "x"), candidate("a/2", 1, "y"), candidate("b/1", 1, "z"), candidate("a/3", 1, "x")]
    used, refused = usable(given, True)
    assert names(used) == ["a/1", "a/2", "b/1"]
    assert [line.name for line in refused] == ["a/3"]


def test_what_cannot_be_decoded_is_left_out_with_its_reason() -> None:
    used, refused = usable([candidate("a/1", 1, outcome=Refusal("broken", "It is cut off."))], False)
    assert used == []
    assert refused == [LeftOut("a/1", "a", "broken", "It is cut off.")]


def test_every_photo_is_used_or_left_out() -> None:
    given = [
        candidate(f"{'ab'[n % 2]}/{n}", n % 7, outcome=Refusal("broken", "x") if n % 5 == 0 else None)
        for n in range(60)
    ]
    used, refused = usable(given, False)
    assert sorted([*names(used), *(line.name for line in refused)]) == sorted(one.photo.name for one in given)


def test_classes_with_too_few_photos_are_named_with_their_numbers() -> None:
    refused = [LeftOut("b/9", "b", "broken", "."), LeftOut("c", "", "no class", ".")]
    sentence = (
        r"needs 10 usable photos, but b has 9 \(1 left out\), c has 0 \(0 left out\): add photos, or choose other "
        r"classes with --classes\. photos\.csv says why"
    )
    with pytest.raises(DatasetError, match=sentence):
        refuse_few(("a", "b", "c"), many("a", 10) + many("b", 9), refused, "photos.csv")
    refuse_few(("a", "b"), many("a", 10) + many("b", 10), refused, "photos.csv")


@pytest.mark.parametrize(
    ("count", "test", "validation", "expected"),
    [(100, 0.2, 0.1, (72, 8, 20)), (10, 0.2, 0.1, (7, 1, 2)), (10, 0.99, 0.99, (1, 1, 8)), (10, 0.01, 0.01, (8, 1, 1))],
)
def test_each_class_is_split_by_its_shares(
    count: int, test: float, validation: float, expected: tuple[int, int, int]
) -> None:
    index = split(("b", "a"), many("a", count) + many("b", 40), Shares(test, validation, 0))
    counts = Counter(index.loc[index["class_name"] == "a", "split"])
    assert (counts["train"], counts["validation"], counts["test"]) == expected


def test_the_index_has_a_line_for_each_photo_in_its_order() -> None:
    used = many("a", 12) + many("b", 12, 50)
    index = split(("b", "a"), used, SHARES)
    assert list(index.columns) == list(COLUMNS)
    assert index["row"].tolist() == list(range(24))
    assert index["label"].tolist() == [1] * 12 + [0] * 12
    assert index["class_name"].tolist() == ["a"] * 12 + ["b"] * 12
    assert index["filename"][0] == "a_0.png"
    assert index["s3_key"][0] == f"images/{index['split'][0]}/a_0.png"


def test_names_of_any_kind_become_safe_and_unique_keys() -> None:
    used = [
        candidate(f"{'ab'[n % 2]}/写真/{name}", n)
        for n, name in enumerate(["猫.jpg", "犬.jpg", "-x.JPG", "..", "a b.png", "A b.jpg"])
    ]
    assert split(("a", "b"), used * 2, SHARES)["filename"].tolist()[:6] == [
        "a__.png",
        "b__.png",
        "a_-x.png",
        "b_.png",
        "a_a_b.png",
        "b_A_b.png",
    ]
    keys = split(("a", "b"), used * 3, SHARES)["s3_key"].str.lower()
    assert keys.is_unique and keys.str.fullmatch(r"images/[a-z]+/[a-z0-9_.-]+\.png").all()


def test_the_split_depends_on_the_seed_and_the_contents_only() -> None:
    def tested(photos: list[Candidate], seed: int) -> set[str]:
        index = split(("a", "b"), photos, Shares(0.2, 0.1, seed))
        return {photos[row].digest for row in index.loc[index["split"] == "test", "row"]}

    photos = many("a", 50) + many("b", 50, 50)
    assert tested(photos, 0) == tested(photos[::-1], 0)
    assert tested(photos, 0) != tested(photos, 1)


def test_photos_that_are_added_leave_nearly_all_others_in_their_splits() -> None:
    before = split(("a", "b"), many("a", 100) + many("b", 100, 100), SHARES)
    after = split(("a", "b"), many("a", 100) + many("b", 100, 100) + many("a", 5, 300), SHARES)
    assert (before["split"] != after["split"][:200]).sum() <= 4
