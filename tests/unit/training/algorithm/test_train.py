"""The training program as SageMaker runs it: a process, a directory, an exit code.

A process takes seconds to import torch, so one trained job serves all tests that only look at what a job leaves.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from tests.unit.training.algorithm.jobs import make_job, stripes
from training.algorithm import __main__ as entry_point
from training.algorithm import fit, train
from training.algorithm.errors import InputError
from training.statistics.profile import parse

COMMAND = [sys.executable, "-m", "training.algorithm", "train"]
EPOCHS = 10
SEED = "3"


@dataclass(frozen=True)
class Job:
    """A job that has run in a process of its own."""

    base: Path
    process: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    base = make_job(
        tmp_path_factory.mktemp("job"),
        train=(20, 12, 12),
        validation=(6, 6, 6),
        epochs=EPOCHS,
        mini_batch_size=8,
        num_layers=18,
    )
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base), "TRAINING_SEED": SEED}
    return Job(base, subprocess.run(COMMAND, env=environment, capture_output=True, text=True))


@pytest.fixture
def torch_settings() -> Iterator[None]:
    """Restore the settings of torch that the training program makes for its whole process."""
    threads = torch.get_num_threads()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]  # a property
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]  # a property


def test_a_job_says_what_it_does(job: Job) -> None:
    assert (job.process.returncode, job.process.stderr) == (0, "")
    assert "Hyperparameter num_layers has no effect here: the network is fixed." in job.process.stdout
    assert (
        "Training on 44 images of 3 classes, validating on 18.\n"
        f"Training for {EPOCHS} epochs.\n"
        "From epoch 8 on, all 62 are trained on.\n"
    ) in (job.process.stdout)
    assert "Epoch[7] Validation-accuracy=" in job.process.stdout
    assert "Epoch[8] Validation-accuracy=" not in job.process.stdout
    kept = r"Kept epoch 9, temperature \d\.\d{3}: accuracy on 18 unseen images [01]\.\d{4} \(.* to .*\), by epoch 7\."
    assert re.fullmatch(kept, job.process.stdout.splitlines()[-1])
    assert not (job.base / "output/failure").exists()


def test_a_job_leaves_a_calibrated_model(job: Job) -> None:
    metadata = json.loads((job.base / "model/metadata.json").read_text())
    assert (metadata["num_classes"], metadata["image_shape"], metadata["epochs"]) == (3, [3, 16, 16], EPOCHS)
    assert metadata["validation_accuracy"] >= 0.9
    assert (metadata["validation_images"], metadata["validated"], metadata["best_epoch"]) == (18, "epoch 7", 9)
    assert 0.05 < metadata["temperature"] < 20
    session = onnxruntime.InferenceSession(job.base / "model/model.onnx", providers=["CPUExecutionProvider"])
    new = np.concatenate([stripes(label, 8, seed=9) for label in range(3)])
    (probabilities,) = session.run(None, {"pixels": new})
    assert (probabilities.argmax(axis=1) == np.repeat([0, 1, 2], 8)).mean() > 0.9


def test_a_job_leaves_the_profile_of_its_photos(job: Job) -> None:
    found = parse((job.base / "model/profile.json").read_bytes())
    metadata = json.loads((job.base / "model/metadata.json").read_text())
    assert (found.photos, found.held_out, found.networks) == (62, 18, "epoch 7")
    assert found.correct / found.held_out == metadata["validation_accuracy"]
    assert found.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert found.probabilities.shape == (18, 3)
    assert len(found.statistics["sharpness"]) == 62


@pytest.mark.parametrize("seed", [SEED, "4"])
def test_only_the_same_seed_makes_the_same_model(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch_settings: None, seed: str
) -> None:
    """The first model was made by another process."""
    shutil.copytree(job.base / "input", tmp_path / "input")
    monkeypatch.setenv("TRAINING_SEED", seed)
    train.run(tmp_path, threading.Event())
    first, second = ((base / "model/model.onnx").read_bytes() for base in (job.base, tmp_path))
    assert (first == second) is (seed == SEED)


def test_a_seed_decides_the_random_choices_and_no_memory_is_filled_for_that(torch_settings: None) -> None:
    drawn = []
    for seed in (1, 1, 2):
        train.make_deterministic(seed)
        drawn.append(torch.rand(3).tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert torch.are_deterministic_algorithms_enabled() and torch.get_num_threads() == 1
    assert torch.utils.deterministic.fill_uninitialized_memory is False  # type: ignore[attr-defined]  # a property


@pytest.fixture
def no_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the signal handlers of this process."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)


def test_a_wrong_request_fails_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], no_handlers: None
) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(make_job(tmp_path, num_epochs=3)))
    assert train.main() == 1
    reason = (tmp_path / "output/failure").read_text()
    assert reason.startswith("Hyperparameter num_epochs is not known. Did you mean epochs? Valid ones are num_classes")
    assert capsys.readouterr().err.strip() == reason
    assert not (tmp_path / "model").exists()


def test_an_unexpected_error_leaves_its_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], no_handlers: None
) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(train, "run", explode)
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert train.main() == 1
    assert (tmp_path / "output/failure").read_text() == "ZeroDivisionError: division by zero"
    assert "Traceback" in capsys.readouterr().err


def test_the_entry_point_returns_the_program_s_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "main", lambda: 7)
    monkeypatch.setattr(sys, "argv", ["algorithm", "train"])
    assert entry_point.main() == 7


@pytest.mark.parametrize("seed", ["-1", "one", ""])
def test_seeds_are_whole_numbers(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINING_SEED", seed)
    with pytest.raises(InputError, match="TRAINING_SEED must be a whole number"):
        train.read_seed()


@pytest.fixture
def sigterm_handler() -> Iterator[None]:
    """Restore the handler of this process; until the program installs its own, SIGTERM is an error."""

    def refuse(*_: object) -> None:
        raise RuntimeError("SIGTERM arrived, but the program does not handle it")

    before = signal.signal(signal.SIGTERM, refuse)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_stopped_job_keeps_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch_settings: None, sigterm_handler: None
) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(make_job(tmp_path, epochs=100_000)))
    monkeypatch.setattr(fit, "report", lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # in the first epoch
    assert train.main() == 0
    assert (tmp_path / "model/model.onnx").exists()
    assert json.loads((tmp_path / "model/metadata.json").read_text())["best_epoch"] == 0


def test_a_job_whose_model_is_useless_fails_and_leaves_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch_settings: None, no_handlers: None
) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(make_job(tmp_path, train=(20, 20), validation=(10, 10), epochs=1)))
    monkeypatch.setattr(fit.Training, "_step", lambda _, batch, __: (torch.zeros(len(batch), 2), 1.0))  # learns nothing
    monkeypatch.setattr(torch.nn.init, "dirac_", lambda weights: weights.zero_())
    assert train.main() == 1
    assert (tmp_path / "output/failure").read_text().startswith("The model is no better than the same answer")
    assert not (tmp_path / "model").exists()


@dataclass(frozen=True)
class Twins:
    """Two jobs of the same photos and seed, one of them cross-validated."""

    plain: Path
    crossed: Path


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Twins:
    plain, crossed = (tmp_path_factory.mktemp(name) for name in ("plain", "crossed"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda _: None)
        train.run(make_job(plain, epochs=3, mini_batch_size=8), threading.Event())
        train.run(make_job(crossed, epochs=3, mini_batch_size=8, cross_validate=2), threading.Event())
    return Twins(plain / "model", crossed / "model")


def test_cross_validation_shows_how_good_the_model_is(twins: Twins) -> None:
    metadata = json.loads((twins.crossed / "metadata.json").read_text())
    assert (metadata["validation_images"], metadata["validated"]) == (32, "cross-validation in 2 folds")
    low, high = metadata["validation_interval"]
    assert 0 <= low <= metadata["validation_accuracy"] <= high <= 1


def test_predictions_are_kept_with_the_model_and_explain_its_figures(twins: Twins) -> None:
    table = pd.read_csv(twins.crossed / "predictions.csv")
    assert table["file"].tolist()[:2] == ["train/0_0.png", "train/0_1.png"]
    assert table["file"].tolist()[-1] == "validation/1_3.png"
    assert table["label"].tolist() == [0] * 12 + [1] * 12 + [0] * 4 + [1] * 4
    metadata = json.loads((twins.crossed / "metadata.json").read_text())
    answers = table[["probability_0", "probability_1"]].to_numpy().argmax(axis=1)
    assert (answers == table["label"]).mean() == metadata["validation_accuracy"]
    assert not (twins.plain / "predictions.csv").exists()


def test_cross_validation_changes_the_temperature_and_no_other_weight(twins: Twins) -> None:
    plain, crossed = (_weights(directory) for directory in (twins.plain, twins.crossed))
    differing = [name for name in plain if not np.array_equal(plain[name], crossed[name])]
    (head,) = differing
    temperatures = [
        json.loads((directory / "metadata.json").read_text())["temperature"]
        for directory in (twins.plain, twins.crossed)
    ]
    assert np.allclose(plain[head] * temperatures[0], crossed[head] * temperatures[1], rtol=1e-4)


def _weights(directory: Path) -> dict[str, NDArray[np.generic]]:
    graph = onnx.load(directory / "model.onnx").graph
    return {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}


def test_a_stop_during_cross_validation_leaves_the_model_and_its_own_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch_settings: None
) -> None:
    stop = threading.Event()
    monkeypatch.setattr(train, "cross_validate", lambda *_: stop.set())
    train.run(make_job(tmp_path, epochs=2, cross_validate=2), stop)
    assert json.loads((tmp_path / "model/metadata.json").read_text())["validated"] == "epoch 1"
    assert not (tmp_path / "model/predictions.csv").exists()
