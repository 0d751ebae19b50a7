"""The run of one job, in the directories of SageMaker's container contract."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from botocore.exceptions import ClientError

from localcloud.files import UnsafePathError
from localcloud.sagemaker import roles
from localcloud.sagemaker.containers import Container, NotStartedError, launch_in
from localcloud.sagemaker.images import Program
from localcloud.sagemaker.interruption import AbandonedError, Interruption
from localcloud.sagemaker.jobs.record import JobRecord
from localcloud.sagemaker.logs import LogStream
from localcloud.sagemaker.pulling import PullError
from localcloud.sagemaker.store import region_of
from localcloud.sagemaker.transfer import TransferError

logger = logging.getLogger(__name__)

Record = TypeVar("Record", bound=JobRecord)


class JobFailedError(Exception):
    """When a job's program fails, or is not for its instance; the message is the job's FailureReason."""


class JobRun(ABC, Generic[Record]):
    """One job from its start to its end. `run` does the work; other threads call `stop` and `abandon`."""

    def __init__(self, record: Record, base: Path) -> None:
        self._record = record
        self._job = record.job
        self._name: str = self._job[record.kind.name]
        self._base = base  # stands for /opt/ml
        self._region = region_of(record.arn)
        self._interruption = Interruption()

    def stop(self) -> None:
        """End the job as Stopped once its program has saved its work; does nothing when the job has ended."""
        self._record.request_stop()
        self._interruption.stop()

    def abandon(self, reason: str) -> None:
        """End the job as Failed at once; returns when its process has ended."""
        self._interruption.abandon(reason)

    def run(self) -> None:
        try:
            self._run()
        except (JobFailedError, PullError, AbandonedError) as err:
            self._fail(str(err))
        except (TransferError, UnsafePathError) as err:  # in SageMaker's words
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

    @abstractmethod
    def _run(self) -> None:
        """Take the job to its end.

        Raises:
            JobFailedError: Its program failed.
        """

    @abstractmethod
    def _failure(self) -> str:
        """Return why the program says that it failed, for FailureReason."""

    def _fail(self, reason: str) -> None:
        self._record.fail(reason)

    def _client(self, service: str) -> Any:
        return roles.client(service, self._job["RoleArn"], self._region)

    def _execute(self, program: Program, command: list[str], *listeners: Callable[[str], None]) -> str:
        """Run a program to its end; returns Completed, Stopped or MaxRuntimeExceeded.

        Args:
            listeners: Called with each line that the program prints, after the log.

        Raises:
            JobFailedError: The program cannot be started, or has failed.
        """
        log = self._log_stream()

        def on_line(line: str) -> None:
            for listen in (log.write, *listeners):
                listen(line)

        try:
            container = Container(launch_in(self._base, program, command, self._environment()), on_line)
            ended = self._interruption.wait_for(container, self._job["StoppingCondition"]["MaxRuntimeInSeconds"])
        except NotStartedError as err:
            log.write(str(err))
            raise JobFailedError(f"AlgorithmError: {err}, exit code: {err.exit_code}") from err
        finally:
            log.close()
        code = container.exit_code()
        if ended == "Completed" and code != 0:
            raise JobFailedError(f"AlgorithmError: {self._failure()}, exit code: {code}")
        return ended

    def _environment(self) -> dict[str, str]:
        """Return the variables of the program: TRAINING_JOB_NAME and others, and those of the request."""
        variable = self._record.kind.arn_part.replace("-", "_").upper()
        return {
            **roles.credentials(self._job["RoleArn"]),
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            f"{variable}_NAME": self._name,
            f"{variable}_ARN": self._record.arn,
            **self._job.get("Environment", {}),
        }

    def _log_stream(self) -> LogStream:
        """Return the job's stream, in /aws/sagemaker/TrainingJobs or ProcessingJobs."""
        group = f"/aws/sagemaker/{self._record.kind.prefix}s"
        stream = f"{self._name}/algo-1-{int(self._job['CreationTime'])}"
        return LogStream(self._client("logs"), group, stream, self._base / "log")

    def _written(self, name: str) -> str:
        """Return what the program wrote into a file of /opt/ml/output, "" when it wrote nothing."""
        path = self._base / "output" / name
        return path.read_text(errors="replace").strip() if path.is_file() else ""
