"""The sample: an archive like any other, the same every time, of two vehicles that differ."""

import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from training.dataset.archive import Archive, read
from training.dataset.sample import CLASS_NAMES, TEST, TRAIN, draw, write


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("archives"))


@pytest.fixture(scope="module")
def archive(path: Path) -> Archive:
    return read(path)


def test_the_sample_is_read_like_the_public_archive(archive: Archive) -> None:
    bicycle, motorcycle = (archive.class_names.index(name) for name in ("bicycle", "motorcycle"))
    for photos, per_class in ((archive.train, TRAIN), (archive.test, TEST)):
        assert photos.data.shape == (2 * per_class, 3072)
        assert np.count_nonzero(photos.labels == bicycle) == per_class
        assert np.count_nonzero(photos.labels == motorcycle) == per_class
        named = [archive.class_names[label] for label in photos.labels]
        assert all(file.startswith(name) for file, name in zip(photos.filenames, named, strict=True))


def test_the_class_names_are_those_of_the_public_archive() -> None:
    assert len(CLASS_NAMES) == 100
    assert sorted(CLASS_NAMES) == CLASS_NAMES
    assert (CLASS_NAMES[8], CLASS_NAMES[48]) == ("bicycle", "motorcycle")


def test_the_pickles_have_the_public_keys_as_python_2_wrote_them(path: Path) -> None:
    with tarfile.open(path) as tar:
        file = tar.extractfile("cifar-100-python/test")
        assert file is not None
        content = file.read()
    assert content.startswith(b"\x80\x02")  # protocol 2
    keys = {b"filenames", b"batch_label", b"fine_labels", b"coarse_labels", b"data"}
    assert set(pickle.loads(content, encoding="bytes")) == keys


def test_a_seed_gives_the_same_drawings_every_time() -> None:
    def picture(seed: int) -> bytes:
        return draw("motorcycle", np.random.default_rng(seed)).tobytes()

    assert picture(1) == picture(1)
    assert picture(1) != picture(2)


def test_the_sample_is_drawn_once(path: Path) -> None:
    before = path.stat().st_mtime_ns
    assert write(path.parent) == path
    assert path.stat().st_mtime_ns == before


def test_no_drawing_comes_twice(archive: Archive) -> None:
    images = np.concatenate([archive.train.data, archive.test.data])
    assert len(np.unique(images, axis=0)) == 2 * (TRAIN + TEST)


def test_motorcycles_are_the_heavier_drawings() -> None:
    """On the same scenery a motorcycle covers more of it than a bicycle, mostly: learnable, and not trivial."""
    pairs = [[_covered(name, seed) for name in ("bicycle", "motorcycle")] for seed in range(60)]
    assert 0.75 < np.mean([motorcycle > bicycle for bicycle, motorcycle in pairs]) < 1


def _covered(vehicle: str, seed: int) -> float:
    """Return the variance of a drawing: what stands out from the scenery."""
    image = draw(vehicle, np.random.default_rng(seed)).astype(float)
    return float(np.abs(image - np.median(image, axis=(0, 1))).mean())
