"""The profile that a training job leaves, read by the program that tests photos against it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.training.algorithm.jobs import stripes
from training.algorithm import profile
from training.algorithm.data import Photos
from training.algorithm.photo_statistics import measure
from training.algorithm.pool import Pool
from training.algorithm.predictions import Predictions
from training.statistics.profile import Profile, parse

TEMPERATURE = 0.5


def pool_of(*counts: int) -> Pool:
    """Return a pool of two parts with so many photos of class 0 and of class 1 each."""
    parts = [
        Photos(
            torch.from_numpy(np.concatenate([stripes(label, count, seed=seed) for label in (0, 1)])),
            torch.tensor([0] * count + [1] * count),
        )
        for seed, count in enumerate(counts)
    ]
    return Pool(parts)


def predictions_of(labels: torch.Tensor, wrong: int, folds: torch.Tensor | None = None) -> Predictions:
    """Return scores of which the first `wrong` are for the other class."""
    scores = torch.nn.functional.one_hot(labels, 2).float()
    scores[:wrong] = 1 - scores[:wrong]
    return Predictions(scores, labels, "epoch 7", folds)


def written(path: Path, pool: Pool, unseen: Predictions | None) -> Profile:
    profile.write_profile(path / "model" / "profile.json", pool, unseen, TEMPERATURE)
    return parse((path / "model" / "profile.json").read_bytes())


def test_the_validation_photos_come_first_with_their_answers(tmp_path: Path) -> None:
    pool = pool_of(5, 2)
    found = written(tmp_path, pool, predictions_of(pool.parts[1].labels, wrong=1))
    assert (found.photos, found.held_out, found.correct, found.networks) == (14, 4, 3, "epoch 7")
    assert found.labels.tolist() == [0, 0, 1, 1]
    sure = 1 / (1 + np.exp(-1 / TEMPERATURE))
    np.testing.assert_allclose(found.probabilities[:, 0], [1 - sure, sure, 1 - sure, 1 - sure], atol=1e-4)
    held_out, seen = (measure(part.pixels.numpy()) for part in (pool.parts[1], pool.parts[0]))
    assert found.statistics["sharpness"].tolist() == [*held_out[:, 2], *seen[:, 2]]


def test_a_cross_validated_profile_has_the_answers_to_all_photos(tmp_path: Path) -> None:
    pool = pool_of(5, 2)
    found = written(tmp_path, pool, predictions_of(pool.labels, 0, torch.zeros(14, dtype=torch.int64)))
    assert found.labels.tolist() == pool.labels.tolist()
    assert len(found.statistics["contrast"]) == 14


def test_a_job_without_predictions_leaves_what_its_photos_look_like(tmp_path: Path) -> None:
    found = written(tmp_path, pool_of(5, 2), None)
    assert (found.held_out, len(found.labels), len(found.statistics["brightness"])) == (0, 0, 14)
    assert set(found.values(("a", "b"))) == {"brightness", "contrast", "sharpness", "saturation"}


def test_a_large_profile_is_a_seeded_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "MOST_PHOTOS", 9)
    monkeypatch.setattr(profile, "MOST_PROBABILITIES", 6)  # of two classes: three photos
    pool = pool_of(8, 4)
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    found = written(tmp_path / "1", pool, predictions_of(pool.parts[1].labels, wrong=1))
    assert torch.equal(state, torch.random.get_rng_state())  # the same seed still makes the same model
    assert (found.photos, found.held_out, found.correct) == (24, 8, 7)
    assert (len(found.labels), len(found.statistics["brightness"])) == (3, 9)
    again = written(tmp_path / "2", pool, predictions_of(pool.parts[1].labels, wrong=1))
    assert again.digest == found.digest


def test_a_profile_of_many_classes_stays_small(tmp_path: Path) -> None:
    labels = torch.arange(100).repeat(60)
    photos = Photos(torch.from_numpy(np.tile(stripes(0, 10), (600, 1, 1, 1))), labels)
    pool = Pool([photos, Photos(photos.pixels[:0], labels[:0])])
    scores = torch.randn(6000, 100, generator=torch.Generator().manual_seed(0))
    folds = torch.zeros(6000, dtype=torch.int64)
    path = tmp_path / "profile.json"
    profile.write_profile(path, pool, Predictions(scores, labels, "folds", folds), 1.0)
    assert path.stat().st_size < 600_000
    found = parse(path.read_bytes())
    assert (found.probabilities.shape, len(found.statistics["contrast"])) == ((500, 100), 5000)
