"""The training program as SageMaker runs it: a process, a directory, an exit code."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tests.unit.training.algorithm.jobs import make_job, stripes
from training.algorithm import train
from training.algorithm.errors import InputError

COMMAND = [sys.executable, "-m", "training.algorithm", "train"]


def run(base: Path, seed: int = 0) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base), "TRAINING_SEED": str(seed)}
    return subprocess.run(COMMAND, env=environment, capture_output=True, text=True)


def test_a_job_leaves_a_calibrated_model(tmp_path: Path) -> None:
    base = make_job(tmp_path, train=(20, 12, 12), validation=(6, 6, 6), epochs=12, mini_batch_size=8, num_layers=18)
    job = run(base)
    assert (job.returncode, job.stderr) == (0, "")
    assert "Hyperparameter num_layers has no effect here: the network is fixed." in job.stdout
    assert "Epoch[11] Validation-accuracy=" in job.stdout
    assert not (base / "output/failure").exists()

    metadata = json.loads((base / "model/metadata.json").read_text())
    assert metadata["num_classes"] == 3 and metadata["image_shape"] == [3, 16, 16] and metadata["epochs"] == 12
    assert metadata["validation_accuracy"] >= 0.9 and 0.05 < metadata["temperature"] < 20
    session = onnxruntime.InferenceSession(base / "model/model.onnx", providers=["CPUExecutionProvider"])
    new = np.concatenate([stripes(label, 8, seed=9) for label in range(3)])
    (probabilities,) = session.run(None, {"pixels": new})
    assert (probabilities.argmax(axis=1) == np.repeat([0, 1, 2], 8)).mean() > 0.9


def test_the_same_seed_makes_the_same_model(tmp_path: Path) -> None:
    models = []
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        base = make_job(tmp_path / name, epochs=1)
        assert run(base, seed).returncode == 0
        models.append((base / "model/model.onnx").read_bytes())
    assert models[0] == models[1] != models[2]


def test_what_the_user_can_mend_is_one_sentence(tmp_path: Path) -> None:
    base = make_job(tmp_path, num_epochs=3)
    job = run(base)
    reason = (base / "output/failure").read_text()
    assert job.returncode == 1
    assert reason.startswith("Hyperparameter num_epochs is not known. Did you mean epochs? Valid ones are num_classes")
    assert job.stderr.strip() == reason
    assert not (base / "model").exists()


def test_the_unexpected_has_its_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(train, "run", explode)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert train.main() == 1
    assert (tmp_path / "output/failure").read_text() == "ZeroDivisionError: division by zero"
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-1", "one", ""])
def test_seeds_are_whole_numbers(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINING_SEED", seed)
    with pytest.raises(InputError, match="TRAINING_SEED must be a whole number"):
        train.read_seed()


def test_a_stopped_job_keeps_its_best_epoch(tmp_path: Path) -> None:
    base = make_job(tmp_path, epochs=100_000)
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base)}
    with subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None and job.stderr is not None
        while "Validation-accuracy" not in job.stdout.readline():
            assert job.poll() is None
        job.send_signal(signal.SIGTERM)
        _, errors = job.communicate(timeout=60)
    assert (job.returncode, errors) == (0, "")
    assert (base / "model/model.onnx").exists()
    assert json.loads((base / "model/metadata.json").read_text())["best_epoch"] < 100_000
