"""The run of one training job, in the directories of SageMaker's container contract."""

import json
from pathlib import Path
from typing import Any

from localcloud.files import inside
from localcloud.sagemaker.containers import empty_directory
from localcloud.sagemaker.images import Program
from localcloud.sagemaker.jobs.run import JobFailedError, JobRun
from localcloud.sagemaker.pulling import pull
from localcloud.sagemaker.store import now
from localcloud.sagemaker.training.metrics import MetricWatcher, metric_definitions
from localcloud.sagemaker.training.record import TrainingRecord
from localcloud.sagemaker.transfer import download_prefix, upload_archive


class TrainingRun(JobRun[TrainingRecord]):
    """One job from Starting to its end."""

    @property
    def _specification(self) -> dict[str, Any]:
        specification: dict[str, Any] = self._job["AlgorithmSpecification"]
        return specification

    def _run(self) -> None:
        self._record.enter("Starting")
        program = self._pull_image()
        if not self._record.enter("Downloading", TrainingStartTime=now()):
            return self._record.end("Stopped")
        self._download()
        if not self._record.enter("Training"):
            return self._record.end("Stopped")
        definitions = metric_definitions(self._specification)
        metrics = MetricWatcher(definitions, self._client("cloudwatch"), self._name)
        ended = self._train(program, metrics)
        self._record.enter("Uploading", FinalMetricDataList=metrics.final() or None)
        self._record.end(ended, ModelArtifacts={"S3ModelArtifacts": self._upload()})

    def _pull_image(self) -> Program:
        """Return the program that runs in place of the image."""
        program = pull(self._specification["TrainingImage"], self._job["RoleArn"], self._region)
        instance_type = self._job["ResourceConfig"]["InstanceType"]
        if program.instance_families and not instance_type.startswith(program.instance_families):
            raise JobFailedError(
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
        try:
            return self._execute(program, self._command(program), metrics.watch)
        finally:
            metrics.send()

    def _command(self, program: Program) -> list[str]:
        """Return the request's entrypoint, which overrides the image's, or the image's with the argument `train`."""
        entrypoint = self._specification.get("ContainerEntrypoint")
        if not entrypoint:
            return [*program.command, "train"]
        return [*entrypoint, *self._specification.get("ContainerArguments", [])]

    def _environment(self) -> dict[str, str]:
        return {"SAGEMAKER_BASE_DIR": str(self._base), **super()._environment()}

    def _failure(self) -> str:
        return self._written("failure")

    def _upload(self) -> str:
        """Put the model, and what the algorithm left in output/data, into the bucket; returns the model's URI."""
        uri = f"{self._job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self._name}/output"
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
