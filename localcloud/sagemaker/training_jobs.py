"""Training jobs: Create, Describe, List, Stop and Delete, and the run of one."""

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud.sagemaker import roles
from localcloud.sagemaker.containers import Container, ImageNotFoundError, Program, empty_directory, program_for
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.listing import list_resources
from localcloud.sagemaker.logs import LogStream
from localcloud.sagemaker.store import TRAINING_JOB, Resource, Store, arn_of, now, region_of
from localcloud.sagemaker.transfer import download_prefix, upload_archive

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
DEFAULT_MAX_RUNTIME = 86_400  # seconds
FAILURE_LIMIT = 1024  # characters of FailureReason

MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


class TrainingFailedError(Exception):
    """When a job ends without a model; the message is its FailureReason."""


class TrainingJobs:
    """The training jobs of this cloud; each runs in a thread that looks after one process."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._stops: dict[str, threading.Event] = {}  # by ARN, of the jobs that run

    # Actions -------------------------------------------------------------------------------------------------

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = arn_of(TRAINING_JOB, params["TrainingJobName"])
        if self._store.get(TRAINING_JOB, arn):
            raise ServiceError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a training job with this "
                f"name already exists ({arn})",
            )
        check_supported(params)
        roles.check_assumable(params["RoleArn"])
        created = now()
        job: Resource = {
            **{name: value for name, value in params.items() if name != "Tags"},
            "TrainingJobArn": arn,
            "TrainingJobStatus": "InProgress",
            "SecondaryStatus": "Starting",
            "SecondaryStatusTransitions": [],
            "CreationTime": created,
            "LastModifiedTime": created,
        }
        self._store.put(TRAINING_JOB, arn, job)
        self._store.put_tags(arn, {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])})
        self._stops[arn] = threading.Event()
        threading.Thread(target=self._run, args=(job,), name=params["TrainingJobName"], daemon=True).start()
        return {"TrainingJobArn": arn}

    def describe(self, params: dict[str, Any]) -> Resource:
        job = self._store.get(TRAINING_JOB, arn_of(TRAINING_JOB, params["TrainingJobName"]))
        if job is None:
            raise ServiceError("ValidationException", "Requested resource not found.")
        return job

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        return list_resources(self._store.in_scope(TRAINING_JOB), params, "TrainingJob", "TrainingJobSummaries")

    def stop(self, params: dict[str, Any]) -> dict[str, Any]:
        job = self.describe(params)
        if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            raise ServiceError(
                "ValidationException",
                f"The request was rejected because the training job is in status {job['TrainingJobStatus']}.",
            )
        self._move(job, "Stopping", TrainingJobStatus="Stopping")
        self._stops[job["TrainingJobArn"]].set()
        return {}

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        job = self.describe(params)
        if job["TrainingJobStatus"] in ("InProgress", "Stopping"):
            raise ServiceError("ResourceInUse", f"Training job {job['TrainingJobName']} is still running.")
        self._store.delete(TRAINING_JOB, job["TrainingJobArn"])
        return {}

    # Life of the cloud ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Fail the jobs that ran when the cloud was last stopped: their process is gone."""
        for job in self._store.all(TRAINING_JOB).values():
            if job["TrainingJobStatus"] in ("InProgress", "Stopping"):
                self._fail(job, "InternalServerError: the local cloud was stopped while the job ran.")

    def stop_all(self) -> None:
        for event in list(self._stops.values()):
            event.set()

    # Run of one job ------------------------------------------------------------------------------------------

    def _run(self, job: Resource) -> None:
        try:
            TrainingRun(self, job, self._directory / job["TrainingJobName"], self._stops[job["TrainingJobArn"]]).run()
        except TrainingFailedError as err:
            self._fail(job, str(err))
        except ClientError as err:
            self._fail(job, f"ClientError: {err}")
        except Exception as err:  # a job must end in a status that clients can wait for
            self._fail(job, f"InternalServerError: {type(err).__name__}: {err}")
        finally:
            self._stops.pop(job["TrainingJobArn"], None)

    def _fail(self, job: Resource, reason: str) -> None:
        self._move(
            job, "Failed", TrainingJobStatus="Failed", FailureReason=reason[:FAILURE_LIMIT], TrainingEndTime=now()
        )

    def _move(self, job: Resource, secondary_status: str, **fields: Any) -> None:
        """Enter a secondary status, closing the transition before it."""
        at = now()
        transitions = [*job["SecondaryStatusTransitions"]]
        if transitions:
            transitions[-1] = {**transitions[-1], "EndTime": at}
        message = fields.get("FailureReason", MESSAGES[secondary_status])
        transitions.append({"Status": secondary_status, "StartTime": at, "StatusMessage": message})
        if secondary_status in ("Completed", "Failed", "Stopped", "MaxRuntimeExceeded"):
            transitions[-1]["EndTime"] = at
        self._store.update(
            TRAINING_JOB, job["TrainingJobArn"], SecondaryStatus=secondary_status,
            SecondaryStatusTransitions=transitions, **fields,
        )  # fmt: skip

    def _update(self, job: Resource, **fields: Any) -> None:
        self._store.update(TRAINING_JOB, job["TrainingJobArn"], **fields)


def check_supported(params: dict[str, Any]) -> None:
    """Refuse what AWS demands and what this cloud does not emulate."""
    specification = params.get("AlgorithmSpecification") or {}
    if not specification.get("TrainingImage") and not specification.get("AlgorithmName"):
        raise ServiceError("ValidationException", "Either TrainingImage or AlgorithmName must be provided.")
    if params.get("ResourceConfig") is None or params.get("StoppingCondition") is None:
        raise ServiceError("ValidationException", "ResourceConfig and StoppingCondition are required.")
    if params["ResourceConfig"].get("InstanceCount", 1) != 1:
        raise ServiceError("ValidationException", "The local cloud trains on one instance: InstanceCount must be 1.")


class TrainingRun:
    """One job from Downloading to Completed, in the directories of the container contract."""

    def __init__(self, jobs: TrainingJobs, job: Resource, base: Path, stop: threading.Event) -> None:
        self._jobs = jobs
        self._job = job
        self._base = base  # stands for /opt/ml
        self._stop = stop
        self._region = region_of(job["TrainingJobArn"])
        self._metrics: dict[str, dict[str, Any]] = {}  # last value by name

    def run(self) -> None:
        program = self._pull_image()
        self._download()
        self._jobs._move(self._job, "Training", TrainingStartTime=now())
        ended = self._train(program)
        metrics = {"FinalMetricDataList": list(self._metrics.values())} if self._metrics else {}
        self._jobs._move(self._job, "Uploading", **metrics)
        artifact = self._upload()
        status = {"Completed": "Completed"}.get(ended, "Stopped")
        seconds = int(now() - self._job["TrainingStartTime"])
        self._jobs._move(
            self._job, ended, TrainingJobStatus=status, ModelArtifacts={"S3ModelArtifacts": artifact},
            TrainingEndTime=now(), TrainingTimeInSeconds=seconds, BillableTimeInSeconds=seconds,
        )  # fmt: skip

    def _pull_image(self) -> Program:
        image = self._job["AlgorithmSpecification"]["TrainingImage"]
        self._jobs._move(self._job, "Starting")
        try:
            return program_for(image)
        except ImageNotFoundError as err:
            raise TrainingFailedError(f"ClientError: {err}") from err

    def _download(self) -> None:
        self._jobs._move(self._job, "Downloading")
        config, data = empty_directory(self._base) / "input" / "config", self._base / "input" / "data"
        for directory in (config, data, self._base / "model", self._base / "output"):
            directory.mkdir(parents=True)
        channels = {channel["ChannelName"]: channel for channel in self._job.get("InputDataConfig", [])}
        s3 = roles.client("s3", self._job["RoleArn"], self._region)
        for name, channel in channels.items():
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            if download_prefix(s3, uri, data / name) == 0:
                raise TrainingFailedError(f"ClientError: Data download failed: no S3 objects found under {uri}")
        write_json(config / "hyperparameters.json", self._job.get("HyperParameters", {}))
        write_json(config / "inputdataconfig.json", {name: channel_config(one) for name, one in channels.items()})
        resources = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
        write_json(config / "resourceconfig.json", resources)

    def _train(self, program: Program) -> str:
        """Run the program to its end and return the final secondary status."""
        log = self._log_stream()
        watch = metric_watcher(self._metric_definitions(program), self._metrics)

        def on_line(line: str) -> None:
            log.write(line)
            watch(line)

        container = Container((*program.command, "train"), self._environment(), on_line)
        try:
            ended = self._wait(container)
        finally:
            log.close()
        code = container.exit_code()
        if ended == "Completed" and code != 0:
            raise TrainingFailedError(f"AlgorithmError: {self._failure()}, exit code: {code}")
        return ended

    def _wait(self, container: Container) -> str:
        limit = self._job["StoppingCondition"].get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME)
        deadline = time.monotonic() + limit
        while container.wait(0.2) is None:
            if self._stop.is_set() or time.monotonic() > deadline:
                container.stop()
                return "Stopped" if self._stop.is_set() else "MaxRuntimeExceeded"
        return "Completed"

    def _environment(self) -> dict[str, str]:
        return {
            **roles.credentials(self._job["RoleArn"]),
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "TRAINING_JOB_NAME": self._job["TrainingJobName"],
            "TRAINING_JOB_ARN": self._job["TrainingJobArn"],
            "SAGEMAKER_BASE_DIR": str(self._base),
            **self._job.get("Environment", {}),
        }

    def _metric_definitions(self, program: Program) -> dict[str, str]:
        own = self._job["AlgorithmSpecification"].get("MetricDefinitions", [])
        return program.metric_definitions | {definition["Name"]: definition["Regex"] for definition in own}

    def _log_stream(self) -> LogStream:
        stream = f"{self._job['TrainingJobName']}/algo-1-{int(self._job['CreationTime'])}"
        client = roles.client("logs", self._job["RoleArn"], self._region)
        return LogStream(client, LOG_GROUP, stream, self._base / "log")

    def _failure(self) -> str:
        path = self._base / "output" / "failure"
        return path.read_text(errors="replace").strip() if path.exists() else "the container wrote no reason"

    def _upload(self) -> str:
        uri = f"{self._job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self._job['TrainingJobName']}/output"
        s3 = roles.client("s3", self._job["RoleArn"], self._region)
        upload_archive(s3, self._base / "model", f"{uri}/model.tar.gz")
        return f"{uri}/model.tar.gz"


def channel_config(channel: dict[str, Any]) -> dict[str, str]:
    """Return a channel's entry in inputdataconfig.json."""
    return {
        "ContentType": channel.get("ContentType", ""),
        "TrainingInputMode": channel.get("InputMode", "File"),
        "S3DistributionType": channel["DataSource"]["S3DataSource"].get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }


def metric_watcher(definitions: dict[str, str], metrics: dict[str, dict[str, Any]]) -> Any:
    """Return a function that keeps in `metrics` the last value which each definition finds in a log line."""
    patterns = {name: re.compile(regex) for name, regex in definitions.items()}

    def watch(line: str) -> None:
        for name, pattern in patterns.items():
            if found := pattern.search(line):
                metrics[name] = {"MetricName": name, "Value": float(found.group(1)), "Timestamp": now()}

    return watch


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))
