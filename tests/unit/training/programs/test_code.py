"""The package in the bucket: named by its content, sent once, and able to run where it arrives."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.training.fakes import Bucket
from training.programs import code
from training.programs.code import read_code, stage_code


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a package in place of `training/algorithm`."""
    directory = tmp_path / "algorithm"
    (directory / "part" / "__pycache__").mkdir(parents=True)
    (directory / "__main__.py").write_text("print('here')")
    (directory / "part" / "two.py").write_text("")
    (directory / "part" / "__pycache__" / "two.cpython-312.pyc").write_bytes(b"")
    monkeypatch.setattr(code, "PACKAGE", directory)
    return directory


def test_only_sources_are_read(package: Path) -> None:
    assert read_code("photos").files == {"algorithm/__main__.py": b"print('here')", "algorithm/part/two.py": b""}


def test_the_uri_names_the_content(package: Path) -> None:
    first = read_code("photos").uri
    assert first == read_code("photos").uri
    assert first.startswith("s3://photos/code/") and first.endswith("/")
    (package / "__main__.py").write_text("print('there')")
    changed = read_code("photos").uri
    (package / "__main__.py").rename(package / "main.py")
    assert len({first, changed, read_code("photos").uri}) == 3


def test_what_is_in_the_bucket_is_not_sent_again(package: Path) -> None:
    bucket, staged = Bucket(), read_code("photos")
    assert stage_code(staged, bucket) == 2  # type: ignore[arg-type]
    assert stage_code(staged, bucket) == 0  # type: ignore[arg-type]
    prefix = staged.uri.removeprefix("s3://photos/")
    assert bucket.objects == {f"{prefix}{name}": content for name, content in staged.files.items()}


def test_an_interrupted_staging_is_completed(package: Path) -> None:
    bucket, staged = Bucket(), read_code("photos")
    stage_code(replace(staged, files={"algorithm/part/two.py": b""}), bucket)  # type: ignore[arg-type]
    assert stage_code(staged, bucket) == 1  # type: ignore[arg-type]


def test_the_package_runs_from_where_a_channel_puts_it(tmp_path: Path) -> None:
    for name, content in read_code("photos").files.items():
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "elsewhere").mkdir()
    run = subprocess.run(
        [sys.executable, "-m", "algorithm", "train"],
        cwd=tmp_path / "elsewhere",
        env={"PYTHONPATH": str(tmp_path / "code"), "SAGEMAKER_BASE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert run.stderr.startswith(f"{tmp_path}/input/config/hyperparameters.json is missing")
