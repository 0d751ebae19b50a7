import csv
from pathlib import Path

import pytest
import torch

from tests.unit.training.algorithm.test_fit import never, photos, pool
from training.algorithm import cross_validation
from training.algorithm.cross_validation import cross_validate, write_predictions
from training.algorithm.fit import Training
from training.algorithm.hyperparameters import Hyperparameters
from training.algorithm.pool import Pool
from training.algorithm.predictions import Predictions

HP = Hyperparameters(3, 24, epochs=6, mini_batch_size=6, cross_validate=2)


@pytest.fixture(scope="module")
def unseen() -> Predictions:
    torch.manual_seed(0)
    found = cross_validate(pool(12, 12, 12, validation=3), HP, never)
    assert found is not None
    return found


def test_every_photo_is_answered_and_most_answers_are_right(unseen: Predictions) -> None:
    assert unseen.scores.shape == (45, 3)
    assert unseen.labels.tolist() == [*[0] * 12, *[1] * 12, *[2] * 12, *[0] * 3, *[1] * 3, *[2] * 3]
    assert unseen.accuracy > 0.9
    assert unseen.networks == "cross-validation in 2 folds"


def test_no_network_answers_a_photo_that_it_was_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[set[int]] = []
    answered: list[set[int]] = []

    def run_epoch(training: Training, epoch: int) -> None:
        trained.append(set(training.rows.tolist()))

    def predictions(network: object, of: Pool, rows: torch.Tensor, networks: str) -> Predictions:
        answered.append(set(rows.tolist()))
        return Predictions(torch.zeros(len(rows), 3), of.labels[rows], networks)

    monkeypatch.setattr(Training, "run_epoch", run_epoch)
    monkeypatch.setattr(cross_validation, "predictions", predictions)
    cross_validate(pool(12, 12, 12), Hyperparameters(3, 24, epochs=1, cross_validate=4), never)
    everything = set(range(48))
    assert set().union(*answered) == everything and sum(map(len, answered)) == 48
    assert [seen | new for seen, new in zip(trained, answered, strict=True)] == [everything] * 4
    assert not any(seen & new for seen, new in zip(trained, answered, strict=True))


def test_labels_that_mean_nothing_get_no_better_than_chance() -> None:
    """The networks that were trained on a photo would know its label."""
    torch.manual_seed(0)
    noise = torch.randint(0, 256, (120, 16, 16, 3), dtype=torch.uint8)
    meaningless = Pool([photos(60, 60)])
    meaningless.parts[0].pixels.copy_(noise)
    found = cross_validate(meaningless, Hyperparameters(2, 120, epochs=4, mini_batch_size=20, cross_validate=2), never)
    assert found is not None and found.accuracy < 0.65


def test_a_class_of_two_photos_is_trained_on_in_each_fold() -> None:
    assert cross_validate(pool(8, 1, validation=1), Hyperparameters(2, 9, epochs=1, cross_validate=5), never)


def test_a_stop_ends_it_without_predictions() -> None:
    assert cross_validate(pool(8, 8, 8), HP, lambda: True) is None


def test_the_table_has_a_line_for_each_photo(unseen: Predictions, tmp_path: Path) -> None:
    names = [f"train/{n}, a.png" for n in range(45)]
    write_predictions(tmp_path / "model" / "predictions.csv", names, unseen, 0.5)
    with (tmp_path / "model" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == names
    assert [int(row["label"]) for row in rows] == unseen.labels.tolist()
    assert unseen.folds is not None and [int(row["fold"]) for row in rows] == unseen.folds.tolist()
    probabilities = [[float(row[f"probability_{label}"]) for label in range(3)] for row in rows]
    expected = torch.softmax(unseen.scores / 0.5, dim=1).numpy()
    assert probabilities == [pytest.approx(row.tolist(), abs=1e-5) for row in expected]
