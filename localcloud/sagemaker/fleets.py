"""The containers behind an endpoint: one per production variant, started, watched, restarted and drained."""

import random
import threading
import time
from pathlib import Path
from typing import Any

from localcloud.sagemaker import roles
from localcloud.sagemaker.capture import DataCapture
from localcloud.sagemaker.containers import (
    Container,
    ImageNotFoundError,
    empty_directory,
    free_port,
    program_for,
    wait_until_healthy,
)
from localcloud.sagemaker.logs import LogStream
from localcloud.sagemaker.store import Resource, now
from localcloud.sagemaker.transfer import download_model

HEALTH_CHECK_SECONDS = 60  # ContainerStartupHealthCheckTimeoutInSeconds, when the variant does not give it
DRAIN_SECONDS = 65  # longer than an invocation may take


class FleetFailedError(Exception):
    """When a variant does not come into service; the message is the endpoint's FailureReason."""


class Variant:
    """One production variant: its model's files, its container and the requests under way."""

    def __init__(self, config: dict[str, Any], model: Resource, base: Path, log: LogStream, region: str) -> None:
        self.name: str = config["VariantName"]
        self.weight: float = config.get("InitialVariantWeight", 1.0)
        self.port = 0
        self.in_flight = 0
        self.status_message = ""  # what a restart says in DescribeEndpoint
        self.resolved = now()
        self._config = config
        self._model = model
        self._base = base  # stands for /opt/ml
        self.log = log
        self.role_arn: str = model["ExecutionRoleArn"]
        self._region = region
        self._container: Container | None = None

    def start(self) -> None:
        """Fetch the model and bring the container into service."""
        definition, role = self._model["PrimaryContainer"], self._model["ExecutionRoleArn"]
        directory = empty_directory(self._base / "model")
        if definition.get("ModelDataUrl"):
            download_model(roles.client("s3", role, self._region), definition["ModelDataUrl"], directory)
        self.start_container()

    def start_container(self) -> None:
        definition, role = self._model["PrimaryContainer"], self._model["ExecutionRoleArn"]
        try:
            program = program_for(definition["Image"])
        except ImageNotFoundError as err:
            raise FleetFailedError(str(err)) from err
        port = free_port()
        environment = {
            **roles.credentials(role),
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "SAGEMAKER_BASE_DIR": str(self._base),
            "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
            "SAGEMAKER_BIND_TO_PORT": str(port),
            **definition.get("Environment", {}),
        }
        self._container = Container((*program.command, "serve"), environment, self.log.write)
        seconds = self._config.get("ContainerStartupHealthCheckTimeoutInSeconds", HEALTH_CHECK_SECONDS)
        if not wait_until_healthy(self._container, port, seconds):
            self._container.stop()
            raise FleetFailedError(
                f"The primary container for production variant {self.name} did not pass the ping health check. "
                "Please check CloudWatch logs for this endpoint."
            )
        self.port = port

    def has_died(self) -> bool:
        return self._container is not None and self._container.exit_code() is not None

    def restart(self) -> None:
        """Start the container again; meanwhile DescribeEndpoint says what happened."""
        assert self._container is not None
        self.port = 0
        self.status_message = f"The container ended with exit code {self._container.exit_code()} and is started again."
        self.log.write(self.status_message)
        try:
            self.start_container()
            self.status_message = ""
        except FleetFailedError as err:
            self.log.write(str(err))

    def stop(self) -> None:
        if self._container is not None:
            self._container.stop()
        self.log.close()

    def summary(self) -> dict[str, Any]:
        """Return the variant's entry in DescribeEndpoint."""
        image = self._model["PrimaryContainer"]["Image"]
        instances = self._config.get("InitialInstanceCount", 1)
        reply: dict[str, Any] = {
            "VariantName": self.name,
            "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": self.resolved}],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": instances if self.port else 0,
            "DesiredInstanceCount": instances,
        }
        if self.status_message:
            reply["VariantStatus"] = [{"Status": "Creating", "StatusMessage": self.status_message}]
        return reply


class Fleet:
    """The variants of one endpoint configuration in service, and the capture of their traffic."""

    def __init__(self, variants: list[Variant], capture: DataCapture | None) -> None:
        self.variants = variants
        self.capture = capture
        self._stopping = threading.Event()

    def start(self) -> None:
        """Bring every variant into service, or none.

        Raises:
            FleetFailedError: One did not answer; those that had started are stopped.
        """
        try:
            for variant in self.variants:
                variant.start()
        except BaseException:
            self.stop()
            raise
        threading.Thread(target=self._watch, name="fleet", daemon=True).start()

    def choose(self, name: str | None) -> Variant | None:
        """Return the variant with this name, or one by weight when no name is given."""
        if name:
            return next((variant for variant in self.variants if variant.name == name), None)
        return random.choices(self.variants, [variant.weight for variant in self.variants])[0]

    def stop(self) -> None:
        """Stop at once; no request may be under way."""
        self._stopping.set()
        for variant in self.variants:
            variant.stop()
        if self.capture:
            self.capture.close()

    def drain(self) -> None:
        """Let the requests under way end, then stop."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while any(variant.in_flight for variant in self.variants) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.stop()

    def _watch(self) -> None:
        while not self._stopping.wait(0.5):
            for variant in self.variants:
                if variant.has_died() and not self._stopping.is_set():
                    variant.restart()
