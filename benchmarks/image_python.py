"""Compare this Python with that of AWS's PyTorch image: train there, and serve one model archive with both.

    python benchmarks/image_python.py --python python3.12 --archive PATH --model model.tar.gz

A virtual environment with the packages of training/image-requirements.txt, the image's locked versions, stands for the
image. It trains with the staged code as a job does: from a channel, by the entrypoint that the train step sends. Both
Pythons then serve the same archive by its own code, started as the image starts it, and answer every test photo.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import requests
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.model import CLASSES, VALIDATION_SHARE, write_job  # noqa: E402
from localcloud.ports import free_port  # noqa: E402
from localcloud.sagemaker.images import START_SCRIPT, in_base  # noqa: E402
from training.dataset import files, selection  # noqa: E402
from training.dataset.archive import read  # noqa: E402
from training.programs.code import read_code  # noqa: E402
from training.programs.own import CODE_DIRECTORY, SERVING_ENVIRONMENT, TRAIN  # noqa: E402  # needs the lines above

REQUIREMENTS = ROOT / "training" / "image-requirements.txt"
PACKAGES = [line.partition("==")[0] for line in REQUIREMENTS.read_text().splitlines() if "==" in line]
START_SECONDS = 60


def main() -> None:
    """Print the versions, the figures of the training, and the largest difference between the answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True, help="the image's Python, 3.12")
    parser.add_argument("--archive", type=Path, required=True, help="CIFAR-100 python archive (.tar.gz)")
    parser.add_argument("--model", type=Path, help="the archive that both serve (default: that of the training here)")
    parser.add_argument("--epochs", type=int, default=12, help="of the training in the image's Python (%(default)s)")
    parser.add_argument("--environment", type=Path, help="keep the image's packages there, or use those that are")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory) / "ml"
        index = selection.select(photos := read(arguments.archive), CLASSES, VALIDATION_SHARE, 0)
        files.write(photos, index, base, "")
        test = index[index["split"] == "test"]
        image = environment(arguments.python, arguments.environment or Path(directory) / "image")
        train(image, base, int((index["split"] == "train").sum()), arguments.epochs)
        if arguments.model:
            unpack(arguments.model, base / "model")
        compare(base, test, {"image": image, "here": Path(sys.executable)})


def environment(python: str, directory: Path) -> Path:
    """Return the Python of a virtual environment with the image's packages, which is made unless it is there."""
    inside = directory.absolute() / "bin" / "python"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", directory], check=True)
    subprocess.run([inside, ROOT / "scripts" / "install_pytorch.py", "-c", REQUIREMENTS], check=True)
    subprocess.run(
        [inside, "-m", "pip", "--disable-pip-version-check", "install", "-qq", "-r", REQUIREMENTS], check=True
    )
    return inside


def versions(python: Path) -> str:
    """Return the versions of a Python and of its packages."""
    program = (
        "import platform, sys; from importlib.metadata import version\n"
        "print('Python', platform.python_version(), *(f'{name} {version(name)}' for name in sys.argv[1:]), sep=', ')"
    )
    run = subprocess.run([python, "-c", program, *PACKAGES], check=True, capture_output=True, text=True)
    return run.stdout.strip().replace("Python, ", "Python ")


def train(python: Path, base: Path, num_training_samples: int, epochs: int) -> None:
    """Run the training program as a job on the image does, and print its last line."""
    write_job(base, num_training_samples, epochs)
    for name, content in read_code("bucket").files.items():
        path = base / "input" / "data" / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    started = time.monotonic()
    environment = container_environment(python, base, {"PYTHONPATH": CODE_DIRECTORY, "TRAINING_SEED": "0"})
    job = subprocess.run(TRAIN, cwd=base, env=environment, capture_output=True, text=True)
    if job.returncode:
        sys.exit(f"Training failed in the image's Python: {job.stderr}")
    print(f"trained in {time.monotonic() - started:.0f} s: {job.stdout.splitlines()[-1]}", flush=True)


def container_environment(python: Path, base: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a process in a container whose /opt/ml is `base` and whose `python` is this one."""
    mapped = {name: in_base(value, base) for name, value in environment.items()}
    return {"PATH": f"{python.parent}{os.pathsep}{os.defpath}", "SAGEMAKER_BASE_DIR": str(base), **mapped}


def unpack(archive: Path, directory: Path) -> None:
    """Put the files of a model archive in place of the trained model."""
    shutil.rmtree(directory)
    with tarfile.open(archive) as members:
        members.extractall(directory, filter="data")


def compare(base: Path, test: pd.DataFrame, pythons: Mapping[str, Path]) -> None:
    """Print what each Python answers for the test photos, and how far the answers are apart.

    Args:
        test: The rows of the test photos, with the columns `s3_key` (a file below `base`) and `label`.
    """
    answers = {}
    for name, python in pythons.items():
        with served(python, base) as url:
            answers[name] = np.array([ask(url, base / key) for key in test["s3_key"]])
        accuracy = float((answers[name].argmax(axis=1) == test["label"]).mean())
        print(f"{name:6} test accuracy {accuracy:.4f}  {versions(python)}", flush=True)
    image, here = answers.values()
    print(f"photos {len(test)}, of another class {int((image.argmax(axis=1) != here.argmax(axis=1)).sum())}")
    print(f"largest difference of a probability {np.abs(image - here).max():.3g}")


@contextmanager
def served(python: Path, base: Path) -> Iterator[str]:
    """Serve the model below `base` as the image starts it; yields the server's URL."""
    port = free_port()
    environment = container_environment(python, base, SERVING_ENVIRONMENT)
    environment |= {"SAGEMAKER_BIND_TO_HOST": "127.0.0.1", "SAGEMAKER_BIND_TO_PORT": str(port)}
    server = subprocess.Popen([*START_SCRIPT, "serve"], cwd=base, env=environment, start_new_session=True)
    try:
        wait_until_ready(url := f"http://127.0.0.1:{port}", server)
        yield url
    finally:
        server.terminate()
        server.wait()


def wait_until_ready(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/ping", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    sys.exit("The archive does not start a server; its output is above.")


def ask(url: str, photo: Path) -> NDArray[np.float64]:
    """Return the probability of each class."""
    headers = {"Content-Type": "image/png"}
    answer = requests.post(f"{url}/invocations", photo.read_bytes(), headers=headers, timeout=10)
    answer.raise_for_status()
    return np.array(answer.json())


if __name__ == "__main__":
    main()
