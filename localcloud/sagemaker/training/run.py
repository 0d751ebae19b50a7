"""The run of one training job, in the directories of SageMaker's container contract."""

import json
import logging
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud.files import UnsafePathError, inside
from localcloud.sagemaker import roles
from localcloud.sagemaker.containers import Container, NotStartedError, empty_directory, launch_in
from localcloud.sagemaker.images import Program
from localcloud.sagemaker.interruption import AbandonedError, Interruption
from localcloud.sagemaker.logs import LogStream
from localcloud.sagemaker.pulling import PullError, pull
from localcloud.sagemaker.store import now, region_of
from localcloud.sagemaker.training.metrics import MetricWatcher, metric_definitions
from localcloud.sagemaker.training.record import JobRecord
from localcloud.sagemaker.transfer import TransferError, download_prefix, upload_archive

LOG_GROUP = "/aws/sagemaker/TrainingJobs"

logger = logging.getLogger(__name__)


class TrainingFailedError(Exception):
    """When a job ends without a model; the message is its FailureReason."""


class TrainingRun:
    """One job from Starting to its end. `run` does the work; other threads call the other methods."""

    def __init__(self, record: JobRecord, base: Path) -> None:
        self._record = record
        self._job = record.job
        self._specification: dict[str, Any] = self._job["AlgorithmSpecification"]
        self._base = base  # stands for /opt/ml
        self._region = region_of(record.arn)
        self._interruption = Interruption()

    def stop(self) -> None:
        """End the job as Stopped once the algorithm has saved its model; does nothing when the job has ended."""
        self._record.request_stop()
        self._interruption.stop()

    def abandon(self, reason: str) -> None:
        """End the job as Failed at once; returns when its process has ended."""
        self._interruption.abandon(reason)

    def run(self) -> None:
        try:
            self._run()
        except (TrainingFailedError, PullError, AbandonedError) as err:
            self._record.fail(str(err))
        except (TransferError, UnsafePathError) as err:  # in SageMaker's words
            self._record.fail(f"ClientError: Data download failed:{err}")
        except ClientError as err:
            self._record.fail(f"ClientError: {err}")
        except OSError as err:  # a full disk, above all
            self._record.fail(f"InternalServerError: The local cloud cannot write the files of the job: {err}")
        except Exception as err:  # the edge of a thread: clients wait for a job to end
            logger.exception("%s", self._record.arn)
            self._record.fail(f"InternalServerError: {type(err).__name__}: {err}")
        finally:
            self._interruption.ended.set()

    def _run(self) -> None:
        self._record.enter("Starting")
        program = self._pull_image()
        if not self._record.enter("Downloading", TrainingStartTime=now()):
            return self._record.end("Stopped")
        self._download()
        if not self._record.enter("Training"):
            return self._record.end("Stopped")
        definitions = metric_definitions(self._specification)
        metrics = MetricWatcher(definitions, self._client("cloudwatch"), self._job["TrainingJobName"])
        ended = self._train(program, metrics)
        self._record.enter("Uploading", FinalMetricDataList=metrics.final() or None)
        self._record.end(ended, ModelArtifacts={"S3ModelArtifacts": self._upload()})

    def _client(self, service: str) -> Any:
        return roles.client(service, self._job["RoleArn"], self._region)

    def _pull_image(self) -> Program:
        """Return the program that runs in place of the image."""
        program = pull(self._specification["TrainingImage"], self._job["RoleArn"], self._region)
        instance_type = self._job["ResourceConfig"]["InstanceType"]
        if program.instance_families and not instance_type.startswith(program.instance_families):
            raise TrainingFailedError(
                f"ClientError: This algorithm trains on GPU instances only, which {instance_type} is not: choose one "
                f"of the families {', '.join(program.instance_families)}."
            )
        return program

    def _download(self) -> None:
        config, data = empty_directory(self._base) / "input" / "config", self._base / "input" / "data"
        for directory in (config, data, self._base / "model", self._base / "output" / "data"):
            directory.mkdir(parents=True)
        channels = {channel["ChannelName"]: channel for channel in self._job.get("InputDataConfig", [])}
        s3 = self._client("s3")
        for name, channel in channels.items():
            download_prefix(s3, channel["DataSource"]["S3DataSource"]["S3Uri"], inside(data, name))
        write_json(config / "hyperparameters.json", self._job.get("HyperParameters", {}))
        write_json(config / "inputdataconfig.json", {name: channel_config(one) for name, one in channels.items()})
        write_json(config / "resourceconfig.json", resource_config(self._job["ResourceConfig"]["InstanceType"]))

    def _train(self, program: Program, metrics: MetricWatcher) -> str:
        """Run the program to its end and return the final secondary status."""
        log = self._log_stream()

        def on_line(line: str) -> None:
            log.write(line)
            metrics.watch(line)

        launch = launch_in(self._base, program, self._command(program), self._environment())
        try:
            container = Container(launch, on_line)
            ended = self._interruption.wait_for(container, self._job["StoppingCondition"]["MaxRuntimeInSeconds"])
        except NotStartedError as err:
            log.write(str(err))
            raise TrainingFailedError(f"AlgorithmError: {err}, exit code: {err.exit_code}") from err
        finally:
            metrics.send()
            log.close()
        code = container.exit_code()
        if ended == "Completed" and code != 0:
            raise TrainingFailedError(f"AlgorithmError: {self._failure()}, exit code: {code}")
        return ended

    def _command(self, program: Program) -> list[str]:
        """Return the request's entrypoint, which overrides the image's, or the image's with the argument `train`."""
        entrypoint = self._specification.get("ContainerEntrypoint")
        if not entrypoint:
            return [*program.command, "train"]
        return [*entrypoint, *self._specification.get("ContainerArguments", [])]

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

    def _log_stream(self) -> LogStream:
        stream = f"{self._job['TrainingJobName']}/algo-1-{int(self._job['CreationTime'])}"
        return LogStream(self._client("logs"), LOG_GROUP, stream, self._base / "log")

    def _failure(self) -> str:
        """Return the reason that the algorithm wrote, "" when it wrote none."""
        path = self._base / "output" / "failure"
        return path.read_text(errors="replace").strip() if path.exists() else ""

    def _upload(self) -> str:
        """Put the model, and what the algorithm left in output/data, into the bucket; returns the model's URI."""
        uri = f"{self._job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self._job['TrainingJobName']}/output"
        s3 = self._client("s3")
        upload_archive(s3, self._base / "model", f"{uri}/model.tar.gz")
        if any((self._base / "output" / "data").iterdir()):
            upload_archive(s3, self._base / "output" / "data", f"{uri}/output.tar.gz")
        return f"{uri}/model.tar.gz"


def channel_config(channel: dict[str, Any]) -> dict[str, str]:
    """Return a channel's entry in inputdataconfig.json."""
    return {
        "ContentType": channel.get("ContentType", ""),
        "TrainingInputMode": channel.get("InputMode", "File"),
        "S3DistributionType": channel["DataSource"]["S3DataSource"].get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }


def resource_config(instance_type: str) -> dict[str, Any]:
    """Return the content of resourceconfig.json: "Distributed Training Configuration" in the developer guide."""
    hosts, group = ["algo-1"], "homogeneousCluster"
    return {
        "current_host": hosts[0],
        "current_instance_type": instance_type,
        "current_group_name": group,
        "hosts": hosts,
        "instance_groups": [{"instance_group_name": group, "instance_type": instance_type, "hosts": hosts}],
        "network_interface_name": "lo",
    }


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))
