"""The run of one processing job, in the directories of SageMaker's container contract.

Source: "How Amazon SageMaker Processing Configures Your Processing Container" in the developer guide.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud.files import UnsafePathError, inside
from localcloud.sagemaker import roles
from localcloud.sagemaker.containers import Container, NotStartedError, empty_directory, launch_in
from localcloud.sagemaker.images import Program
from localcloud.sagemaker.interruption import AbandonedError, Interruption
from localcloud.sagemaker.logs import LogStream
from localcloud.sagemaker.processing.record import JobRecord
from localcloud.sagemaker.pulling import PullError, pull
from localcloud.sagemaker.store import region_of
from localcloud.sagemaker.transfer import TransferError, download_prefix, split_uri

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
OPT_ML = "/opt/ml/"

logger = logging.getLogger(__name__)


class ProcessingFailedError(Exception):
    """When a job's program fails; the message is its FailureReason."""


class ProcessingRun:
    """One job from its start to its end. `run` does the work; other threads call the other methods."""

    def __init__(self, record: JobRecord, base: Path) -> None:
        self._record = record
        self._job = record.job
        self._base = base  # stands for /opt/ml
        self._region = region_of(record.arn)
        self._interruption = Interruption()

    def stop(self) -> None:
        """End the job as Stopped; does nothing when it has ended."""
        self._record.request_stop()
        self._interruption.stop()

    def abandon(self, reason: str) -> None:
        """End the job as Failed at once; returns when its process has ended."""
        self._interruption.abandon(reason)

    def run(self) -> None:
        try:
            self._run()
        except (ProcessingFailedError, PullError, AbandonedError) as err:
            self._fail(str(err))
        except (TransferError, UnsafePathError) as err:
            self._fail(f"ClientError: Data download failed:{err}")
        except ClientError as err:
            self._fail(f"ClientError: {err}")
        except OSError as err:  # a full disk, above all
            self._fail(f"InternalServerError: The local cloud cannot write the files of the job: {err}")
        except Exception as err:  # the edge of a thread: clients wait for a job to end
            logger.exception("%s", self._record.arn)
            self._fail(f"InternalServerError: {type(err).__name__}: {err}")
        finally:
            self._interruption.ended.set()

    def _run(self) -> None:
        program = pull(self._job["AppSpecification"]["ImageUri"], self._job["RoleArn"], self._region)
        self._prepare()
        if not self._record.begin():
            return self._record.end("Stopped")
        ended = self._process(program)
        self._upload()
        self._record.end("Completed" if ended == "Completed" else "Stopped", ExitMessage=self._message())

    def _fail(self, reason: str) -> None:
        self._record.end("Failed", FailureReason=reason, ExitMessage=self._message())

    def _client(self, service: str) -> Any:
        return roles.client(service, self._job["RoleArn"], self._region)

    def _prepare(self) -> None:
        """Make the directories, download the inputs and write the configuration."""
        config = empty_directory(self._base) / "config"
        for directory in (config, self._base / "output", *(path for path, _ in self._outputs())):
            directory.mkdir(parents=True, exist_ok=True)
        s3 = self._client("s3")
        for one in self._job.get("ProcessingInputs", []):
            source = one["S3Input"]
            download_prefix(s3, source["S3Uri"], self._local(source["LocalPath"]))
        cluster = self._job["ProcessingResources"]["ClusterConfig"]
        hosts = {"current_host": "algo-1", "current_instance_type": cluster["InstanceType"], "hosts": ["algo-1"]}
        (config / "resourceconfig.json").write_text(json.dumps(hosts))
        (config / "processingjobconfig.json").write_text(json.dumps(self._job, default=str))

    def _local(self, path: str) -> Path:
        """Return the directory that stands for a path below /opt/ml."""
        return inside(self._base, path.removeprefix(OPT_ML))

    def _outputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the directory and the S3 URI of each output."""
        for one in self._job.get("ProcessingOutputConfig", {}).get("Outputs", []):
            yield self._local(one["S3Output"]["LocalPath"]), one["S3Output"]["S3Uri"]

    def _process(self, program: Program) -> str:
        """Run the program to its end; returns how it ended."""
        stream = f"{self._job['ProcessingJobName']}/algo-1-{int(self._job['CreationTime'])}"
        log = LogStream(self._client("logs"), LOG_GROUP, stream, self._base / "log")
        specification = self._job["AppSpecification"]
        command = [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])]
        try:
            container = Container(launch_in(self._base, program, command, self._environment()), log.write)
            ended = self._interruption.wait_for(container, self._job["StoppingCondition"]["MaxRuntimeInSeconds"])
        except NotStartedError as err:
            log.write(str(err))
            raise ProcessingFailedError(f"AlgorithmError: {err}, exit code: {err.exit_code}") from err
        finally:
            log.close()
        code = container.exit_code()
        if ended == "Completed" and code != 0:
            raise ProcessingFailedError(f"AlgorithmError: See job logs for more information, exit code: {code}")
        return ended

    def _environment(self) -> dict[str, str]:
        return {
            **roles.credentials(self._job["RoleArn"]),
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "PROCESSING_JOB_NAME": self._job["ProcessingJobName"],
            "PROCESSING_JOB_ARN": self._job["ProcessingJobArn"],
            **self._job.get("Environment", {}),
        }

    def _message(self) -> str:
        """Return what the program wrote for ExitMessage, "" when it wrote nothing."""
        path = self._base / "output" / "message"
        return path.read_text(errors="replace").strip() if path.is_file() else ""

    def _upload(self) -> None:
        """Put the files of each output below its URI."""
        s3 = self._client("s3")
        for directory, uri in self._outputs():
            bucket, prefix = split_uri(uri)
            for path in sorted(directory.rglob("*")):
                if path.is_file():
                    key = "/".join(filter(None, (prefix.rstrip("/"), path.relative_to(directory).as_posix())))
                    s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
