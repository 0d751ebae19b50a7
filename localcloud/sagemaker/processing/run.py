"""The run of one processing job, in the directories of SageMaker's container contract.

Source: "How Amazon SageMaker Processing Configures Your Processing Container" in the developer guide.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from localcloud.files import inside
from localcloud.sagemaker.containers import empty_directory
from localcloud.sagemaker.jobs.run import JobRun
from localcloud.sagemaker.processing.record import ProcessingRecord
from localcloud.sagemaker.pulling import pull
from localcloud.sagemaker.transfer import download_prefix, split_uri

OPT_ML = "/opt/ml/"


class ProcessingRun(JobRun[ProcessingRecord]):
    """One job from its start to its end."""

    def _run(self) -> None:
        program = pull(self._job["AppSpecification"]["ImageUri"], self._job["RoleArn"], self._region)
        self._prepare()
        if not self._record.begin():
            return self._record.end("Stopped")
        ended = self._execute(program, self._command())
        self._upload()
        self._record.end("Completed" if ended == "Completed" else "Stopped", ExitMessage=self._message())

    def _command(self) -> list[str]:
        specification = self._job["AppSpecification"]
        return [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])]

    def _failure(self) -> str:
        return "See job logs for more information"

    def _fail(self, reason: str) -> None:
        self._record.fail(reason, self._message())

    def _message(self) -> str:
        """Return what the program wrote for ExitMessage, "" when it wrote nothing."""
        return self._written("message")

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

    def _upload(self) -> None:
        """Put the files of each output below its URI."""
        s3 = self._client("s3")
        for directory, uri in self._outputs():
            bucket, prefix = split_uri(uri)
            for path in sorted(directory.rglob("*")):
                if path.is_file():
                    key = "/".join(filter(None, (prefix.rstrip("/"), path.relative_to(directory).as_posix())))
                    s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
