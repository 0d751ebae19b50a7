"""The command line as a process: whatever its settings, streams and signals are, it ends in one sentence."""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RUN = str(ROOT / "training" / "run.py")
INTERRUPT = """
import runpy, sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
sys.argv = ["run.py", "stage"]
runpy.run_path({run!r}, run_name="__main__")
"""


def run(directory: Path, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line in `directory`, with keys that open nothing and the environment's variables `settings`."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_EC2_METADATA_DISABLED": "true"}
    files = {"AWS_CONFIG_FILE": str(directory / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(directory / "none")}
    return subprocess.run(
        [sys.executable, *words],
        cwd=directory,
        env=variables | keys | files | {"PYTHONPATH": str(ROOT)} | settings,
        capture_output=True,
        text=True,
    )


def sentence_of(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the only line that a failed run printed."""
    (line,) = done.stderr.splitlines()
    assert done.stdout == "" and line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:4566",
        "http://:99999",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://[::1",
        "ftp://[/]",
        "x",
    ],
)
def test_a_malformed_endpoint_url_is_named_with_what_to_do(tmp_path: Path, url: str) -> None:
    done = run(tmp_path, RUN, "stage", AWS_ENDPOINT_URL=url)
    assert done.returncode == 1
    sentence = sentence_of(done)
    assert "an endpoint URL reads http://HOST:PORT" in sentence


def test_a_profile_that_does_not_exist_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, RUN, "stage", AWS_PROFILE="[/]none")
    assert done.returncode == 1
    assert "[/]none" in sentence_of(done) and "aws configure list-profiles" in sentence_of(done)


def test_a_damaged_config_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default\nregion")
    done = run(tmp_path, RUN, "stage")
    assert done.returncode == 1
    assert str(tmp_path / "config") in sentence_of(done)


class Refuse(http.server.BaseHTTPRequestHandler):
    """Answers at once what is not retried: for a port on which nobody listens, the SDK tries for half a minute."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("setting", ["AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_DEFAULT_REGION"])
def test_a_setting_that_cannot_be_used_is_one_sentence(tmp_path: Path, url: str, setting: str) -> None:
    done = run(tmp_path, RUN, "stage", AWS_ENDPOINT_URL=url, **{setting: "no such"})
    assert done.returncode == 1
    assert "Traceback" not in sentence_of(done)


@pytest.mark.parametrize(
    "module", ["training.streams", "training.arguments", "training.steps", "rich.console", "boto3", "training.stack"]
)
def test_ctrl_c_during_imports_says_how_to_resume(tmp_path: Path, module: str) -> None:
    done = run(tmp_path, "-c", INTERRUPT.format(module=module, run=RUN))
    assert done.returncode == 130
    assert done.stderr == "Interrupted: run the same command to resume.\n"


def test_a_python_without_the_packages_says_what_to_run(tmp_path: Path) -> None:
    done = run(tmp_path, "-S", "-E", RUN)
    assert done.returncode == 1
    assert "has no package training: run `source .venv/bin/activate`" in sentence_of(done)


def test_json_with_stdout_closed_is_refused_before_any_work(tmp_path: Path) -> None:
    command = f'"{sys.executable}" "{RUN}" stage --json >&-'
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "--json writes to stdout, which is closed" in sentence_of(done)


def test_with_all_streams_closed_only_the_exit_code_tells(tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-c", f'"{sys.executable}" "{RUN}" stage --json >&- 2>&-'], cwd=tmp_path)
    assert done.returncode == 1


@pytest.mark.parametrize("words", ["--help", "train --help"])
def test_help_without_a_reader_prints_no_traceback(tmp_path: Path, words: str) -> None:
    command = f'("{sys.executable}" "{RUN}" {words}; echo "exit $?" >&2) | true'
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=buffered, capture_output=True, text=True)
    assert done.stderr == "exit 0\n"


def test_a_terminal_of_another_encoding_shows_every_name(tmp_path: Path) -> None:
    done = run(tmp_path, RUN, "stage", "--classes", "é,", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert r"'\xe9,' is not a list of names" in done.stderr


def test_status_and_cleanup_do_not_wait_for_the_sagemaker_sdk() -> None:
    """It takes seconds to import, and what costs money goes first."""
    code = (
        "import sys, training.cleanup, training.status.parts, training.status.table; print('sagemaker' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_no_module_of_this_folder_stands_in_for_one_of_the_standard_library() -> None:
    script = ROOT / "training" / "run.py"
    code = (
        "import runpy, sys\n"
        f"sys.argv[1:], sys.path[:0] = ['--help'], [{str(script.parent)!r}]\n"
        "try:\n"
        f"    runpy.run_path({str(script)!r}, run_name='__main__')\n"
        "except SystemExit:\n"
        "    import statistics\n"
        "    print(statistics.__file__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert "training" not in done.stdout.splitlines()[-1]
