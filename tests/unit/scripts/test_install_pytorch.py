"""Which build of PyTorch is installed: pip itself, with package indexes on 127.0.0.1 that offer tiny wheels."""

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pip
import pytest

from scripts import install_pytorch

VERSION = install_pytorch.torch_version()
CUDA = ("triton", "nvidia-cudnn-cu13")

linux = pytest.mark.skipif(sys.platform != "linux", reason="only pip's default for Linux brings CUDA")


def write_wheel(directory: Path, name: str, version: str, requires: tuple[str, ...] = ()) -> None:
    """Write a wheel that holds nothing but its metadata."""
    directory.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = [
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}",
        *(f"Requires-Dist: {one}" for one in requires),
    ]
    files = {
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={digest(content)},{len(content)}" for path, content in files.items()]
    with zipfile.ZipFile(directory / f"{module}-{version}-py3-none-any.whl", "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]) + "\n")


def digest(content: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()


class Index:
    """Package indexes on 127.0.0.1, one for each directory, and what was requested from them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.requests: list[str] = []
        requests = self.requests

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                requests.append(self.path)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{name}"

    def offer(self, index: str, name: str, version: str, requires: tuple[str, ...] = ()) -> None:
        write_wheel(self.root / index / name, name, version, requires)

    def requested(self, name: str) -> set[str]:
        """Return the packages that were asked of an index."""
        return {path.split("/")[2] for path in self.requests if path.startswith(f"/{name}/")}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    index = Index(tmp_path / "indexes")
    index.root.mkdir()
    threading.Thread(target=index.server.serve_forever, args=(0.01,)).start()
    yield index
    index.server.shutdown()
    index.server.server_close()


class Machine:
    """A Linux machine without an NVIDIA card, with an empty virtual environment whose pip asks `index` only."""

    def __init__(self, directory: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
        self._packages = next(directory.glob("lib/python*/site-packages"))
        (self._packages / "pip").symlink_to(Path(pip.__file__).parent)
        self.python = str(directory / "bin" / "python")

    def installed(self) -> dict[str, str]:
        names = (path.name.removesuffix(".dist-info").split("-") for path in self._packages.glob("*.dist-info"))
        return {name: version for name, version in names}


@pytest.fixture
def machine(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path / "venv")
    for name in os.environ:
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", index.url("configured"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(install_pytorch, "NVIDIA_DRIVER", tmp_path / "no-driver")
    monkeypatch.setattr(install_pytorch, "PIP", (machine.python, *install_pytorch.PIP[1:]))
    monkeypatch.setattr(install_pytorch, "PYTORCH_INDEX_URL", index.url("pytorch"))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr("sys.argv", ["install_pytorch.py"])
    for name in CUDA:  # so that a CUDA build could be installed
        index.offer("configured", name, "3.0")
    index.offer("configured", "sympy", "1.0")
    return machine


@linux
def test_the_cpu_index_replaces_a_cuda_build_and_is_asked_for_torch_alone(machine: Machine, index: Index) -> None:
    index.offer("configured", "torch", VERSION, CUDA)
    index.offer("pytorch", "torch", f"{VERSION}+cpu", ("sympy",))
    index.offer("pytorch", "sympy", "1.0")
    assert install_pytorch.main() == 0
    assert machine.installed() == {"torch": f"{VERSION}+cpu"}
    assert index.requested("pytorch") == {"torch"}


@linux
def test_a_cpu_build_from_configured_links_wins(
    machine: Machine, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index.offer("configured", "torch", VERSION, CUDA)
    index.offer("pytorch", "torch", f"{VERSION}+cpu")
    write_wheel(tmp_path / "links", "torch", f"{VERSION}+cpu", ("sympy",))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    assert install_pytorch.main() == 0
    assert machine.installed() == {"torch": f"{VERSION}+cpu", "sympy": "1.0"}
    assert index.requested("pytorch") == set()


@linux
def test_a_configured_build_that_requires_no_cuda_wins_without_a_label_and_keeps_the_constraints(
    machine: Machine, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index.offer("configured", "torch", VERSION, ("sympy",))
    index.offer("configured", "sympy", "2.0")
    index.offer("pytorch", "torch", f"{VERSION}+cpu")
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(f"torch=={VERSION}\nsympy==1.0\n")
    monkeypatch.setattr("sys.argv", ["install_pytorch.py", "-c", str(constraints)])
    assert install_pytorch.main() == 0
    assert machine.installed() == {"torch": VERSION, "sympy": "1.0"}
    assert index.requested("pytorch") == set()


@linux
def test_a_cpu_index_that_is_not_there_is_given_up_with_a_sentence(
    machine: Machine, index: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    index.offer("configured", "torch", VERSION, CUDA)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setattr(install_pytorch, "PYTORCH_INDEX_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/cpu")
        assert install_pytorch.main() == 0
    assert machine.installed() == {}
    assert "installing pip's default, about 3 GB to download, 5.7 GB on disk." in capsys.readouterr().out


@linux
def test_a_cpu_index_that_does_not_answer_is_given_up_within_seconds(
    machine: Machine, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.offer("configured", "torch", VERSION, CUDA)
    monkeypatch.setattr(install_pytorch, "CONNECT_SECONDS", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(install_pytorch, "PYTORCH_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/cpu")
        started = time.monotonic()
        assert install_pytorch.install_from_pytorch(VERSION) is False
    assert time.monotonic() - started < 10


@linux
def test_a_cpu_index_without_this_version_is_not_used(machine: Machine, index: Index) -> None:
    index.offer("configured", "torch", VERSION, CUDA)
    index.offer("pytorch", "torch", "1.0+cpu")
    assert install_pytorch.main() == 0
    assert machine.installed() == {}


def test_a_machine_with_an_nvidia_card_gets_pip_s_default(
    machine: Machine, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index.offer("pytorch", "torch", f"{VERSION}+cpu")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert install_pytorch.main() == 0
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(install_pytorch, "NVIDIA_DRIVER", tmp_path)
    assert install_pytorch.main() == 0
    assert machine.installed() == {}
    assert index.requests == []


def test_macos_gets_pip_s_default(
    machine: Machine, index: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert install_pytorch.main() == 0
    assert index.requests == []
    assert "2.0 GB on disk" in capsys.readouterr().out
