import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker import containers, interruption, roles
from localcloud.sagemaker.containers import WORK_DIRECTORY
from localcloud.sagemaker.jobs import run as job_run
from localcloud.sagemaker.opt_ml import namespace
from localcloud.sagemaker.store import TRAINING_JOB, Store
from localcloud.sagemaker.training.jobs import TrainingJobs
from localcloud.sagemaker.training.metrics import MetricWatcher
from localcloud.sagemaker.training.record import TrainingRecord
from localcloud.sagemaker.training.run import TrainingRun
from tests.unit.localcloud.sagemaker.conftest import IMAGE, ROLE_ARN, Log, RunAsImage

ARN = "arn:aws:sagemaker:us-east-1:000000000000:training-job/j"
PARAMS = {
    "TrainingJobName": "j",
    "RoleArn": ROLE_ARN,
    "AlgorithmSpecification": {"TrainingImage": IMAGE},
    "HyperParameters": {"epochs": "1"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/models/"},
    "ResourceConfig": {"InstanceType": "ml.m5.large"},
    "StoppingCondition": {},
}
SLEEP = "import time; print('started', flush=True); time.sleep(60)"
SLEEP_ON = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
SAVE = """
import os, pathlib
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
(base / "model" / "weights").write_text("w")
(base / "output" / "data" / "curve.csv").write_text("c")
print(os.environ["TRAINING_JOB_NAME"], (base / "input/config/hyperparameters.json").read_text())
"""


class Client:
    """All of AWS: keeps what is put into S3 and CloudWatch."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.data: list[dict[str, Any]] = []

    def put_object(self, Key: str, **_: Any) -> None:  # AWS's names
        self.keys.append(Key)

    def put_metric_data(self, MetricData: list[dict[str, Any]], **_: Any) -> None:
        self.data += MetricData


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    client = Client()
    monkeypatch.setattr(roles, "client", lambda *_: client)
    return client


Start = Callable[..., TrainingRun]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "resources.json")


@pytest.fixture
def start(
    store: Store, tmp_path: Path, client: Client, log: Log, run_as_image: RunAsImage, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Return a function that starts a job whose container runs a script."""
    monkeypatch.setattr(job_run, "LogStream", lambda *_: log)
    threads = []

    def begin(script: str, **changes: Any) -> TrainingRun:
        run_as_image(script)
        store.add(TRAINING_JOB, ARN, TrainingJobs.new_job(ARN, PARAMS | changes), [])
        run = TrainingRun(TrainingRecord(store, ARN), tmp_path / "ml")
        threads.append(threading.Thread(target=run.run))
        threads[-1].start()
        return run

    yield begin
    for thread in threads:
        thread.join(10)


def job_when(store: Store, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 15
    while not reached(job := store.get(TRAINING_JOB, ARN) or {}):
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return job


def ended(store: Store) -> dict[str, Any]:
    return job_when(store, lambda job: job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"))


def started(store: Store, log: Log) -> None:
    job_when(store, lambda _: "started" in log.lines)


def test_what_the_container_leaves_is_uploaded(start: Start, store: Store, client: Client, log: Log) -> None:
    start(SAVE)
    job = ended(store)
    assert job["TrainingJobStatus"] == "Completed", job
    assert client.keys == ["models/j/output/model.tar.gz", "models/j/output/output.tar.gz"]
    assert log.lines == ['j {"epochs": "1"}']


def test_a_container_without_a_reason_has_only_an_exit_code(start: Start, store: Store) -> None:
    start("raise SystemExit(7)")
    assert ended(store)["FailureReason"] == "AlgorithmError: , exit code: 7"


def test_a_channel_whose_name_leads_out_of_the_job_fails_it(start: Start, store: Store, tmp_path: Path) -> None:
    source = {"S3DataSource": {"S3Uri": "s3://bucket/images/"}}
    start(SAVE, InputDataConfig=[{"ChannelName": "..", "DataSource": source}])
    reason = ended(store)["FailureReason"]
    assert reason.startswith("ClientError: Data download failed:'..' leads out of the directory")


def test_a_container_that_ignores_the_request_to_stop_is_killed(
    start: Start, store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interruption, "STOP_SECONDS", 0.3)
    run = start(SLEEP_ON)
    started(store, log)
    run.stop()
    run.stop()
    job = ended(store)
    assert job["TrainingJobStatus"] == "Stopped"
    statuses = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Stopping", "Uploading", "Stopped"]


def test_an_abandoned_job_fails_at_once(start: Start, store: Store, log: Log, client: Client) -> None:
    run = start(SLEEP_ON)
    started(store, log)
    begun = time.monotonic()
    run.abandon("InternalServerError: stopped.")
    assert time.monotonic() < begun + 5
    assert ended(store)["FailureReason"] == "InternalServerError: stopped."
    assert client.keys == []


def test_a_job_that_is_stopped_before_it_trains_has_no_model(store: Store, tmp_path: Path) -> None:
    store.add(TRAINING_JOB, ARN, TrainingJobs.new_job(ARN, PARAMS), [])
    record = TrainingRecord(store, ARN)
    record.enter("Starting")
    record.request_stop()
    assert not record.enter("Downloading")
    assert record.job["SecondaryStatus"] == "Stopping"


ENTRYPOINT = {"TrainingImage": IMAGE, "ContainerEntrypoint": [sys.executable, "-c"]}


@pytest.fixture(params=["mounted", "mapped"])
def opt_ml(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what stands for /opt/ml: itself where this machine allows mounts, or the job's directory."""
    if request.param == "mapped":
        monkeypatch.setattr(containers, "namespace", lambda: ())
        return str(tmp_path / "ml")
    if not namespace():
        pytest.skip("this machine allows no mounts")
    return "/opt/ml"


def test_the_request_s_entrypoint_overrides_the_image_s(
    start: Start, store: Store, log: Log, tmp_path: Path, opt_ml: str
) -> None:
    words = ["import os, sys; print(sys.argv[1:], os.getcwd(), os.environ['WHERE'])", "/opt/ml/input", "--now"]
    start(
        "raise SystemExit('the image itself ran')",
        AlgorithmSpecification={**ENTRYPOINT, "ContainerArguments": words},
        Environment={"WHERE": "/opt/ml/model"},
    )
    assert ended(store)["TrainingJobStatus"] == "Completed"
    directory = tmp_path / "ml" / WORK_DIRECTORY
    assert log.lines == [f"['{opt_ml}/input', '--now'] {directory} {opt_ml}/model"]


@pytest.mark.skipif("not namespace()", reason="this machine allows no mounts")
def test_a_container_finds_its_own_opt_ml_beside_what_opt_has(start: Start, store: Store, log: Log) -> None:
    names = sorted({path.name for path in Path("/opt").iterdir()} | {"ml"})
    start(
        "import os, pathlib; ml = pathlib.Path('/opt/ml')\n"
        "(ml / 'model' / 'weights').write_text('w')\n"
        "print(sorted(os.listdir('/opt')), os.listdir(), (ml / 'input/config/resourceconfig.json').exists())",
        Environment={"PATH": "/nowhere"},
    )
    assert ended(store)["TrainingJobStatus"] == "Completed"
    assert log.lines == [f"{names} [] True"]
    assert sorted({path.name for path in Path("/opt").iterdir()} | {"ml"}) == names


@pytest.mark.parametrize(
    ("mode", "reason", "code"),
    [(None, "No such file or directory", 127), (0o600, "Permission denied", 126), (0o700, "Exec format error", 126)],
)
def test_an_entrypoint_that_cannot_be_started_fails_the_job(
    start: Start, store: Store, log: Log, tmp_path: Path, opt_ml: str, mode: int | None, reason: str, code: int
) -> None:
    program = tmp_path / "program"
    if mode is not None:
        program.write_text("no program")
        program.chmod(mode)
    start(SAVE, AlgorithmSpecification={"TrainingImage": IMAGE, "ContainerEntrypoint": [str(program)]})
    assert ended(store)["FailureReason"] == f"AlgorithmError: {program}: {reason}, exit code: {code}"
    assert log.lines == [f"{program}: {reason}"]
    assert log.is_closed


def test_a_job_is_measured_by_the_request_s_definitions(start: Start, store: Store, client: Client) -> None:
    start(
        "print('loss=0.5'); print('loss=nothing'); print('loss=nan'); print('loss=0.25')",
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
        },
    )
    final = ended(store)["FinalMetricDataList"]
    assert [(one["MetricName"], one["Value"]) for one in final] == [("loss", 0.25)]
    assert [one["Value"] for one in client.data] == [0.5, 0.25]


def test_every_value_of_a_metric_is_sent_and_the_last_is_final(client: Client) -> None:
    metrics = MetricWatcher({"accuracy": r"accuracy=([0-9.]+)"}, client, "j")
    for line in ("accuracy=0.5", "loss=1", "accuracy=0.75"):
        metrics.watch(line)
    metrics.send()
    assert [datum["Value"] for datum in client.data] == [0.5, 0.75]
    assert client.data[0]["Dimensions"] == [{"Name": "TrainingJobName", "Value": "j"}]
    assert [(one["MetricName"], one["Value"]) for one in metrics.final()] == [("accuracy", 0.75)]
