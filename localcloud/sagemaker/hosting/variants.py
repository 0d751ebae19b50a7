"""One production variant: its model's files and its container, kept in service."""

import shutil
import tarfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud.ports import free_port
from localcloud.sagemaker import roles
from localcloud.sagemaker.containers import (
    Container,
    NotStartedError,
    empty_directory,
    launch_in,
    wait_until_healthy,
)
from localcloud.sagemaker.hosting.capture import DataCapture
from localcloud.sagemaker.images import ImageNotFoundError, program_for
from localcloud.sagemaker.logs import LogStream
from localcloud.sagemaker.store import Resource, now
from localcloud.sagemaker.transfer import TransferError, download_model

HEALTH_CHECK_SECONDS = 60  # ContainerStartupHealthCheckTimeoutInSeconds, when the variant does not give it
WATCH_SECONDS = 0.2
# A container that dies is started again after a second, then after twice as long each time.
FIRST_RESTART_SECONDS, LONGEST_RESTART_SECONDS = 1.0, 60.0


class FleetFailedError(Exception):
    """When a variant does not come into service; the message is the endpoint's FailureReason."""


@dataclass(frozen=True)
class VariantContext:
    """Where a variant runs and what it writes to."""

    base: Path  # stands for /opt/ml
    region: str
    log: LogStream
    log_stream_arn: str
    capture: DataCapture | None


class Variant:
    """The process that stands for all instances of a production variant."""

    def __init__(self, config: dict[str, Any], model: Resource, context: VariantContext) -> None:
        self.name: str = config["VariantName"]
        self.weight: float = config.get("InitialVariantWeight", 1.0)
        self.port = 0  # while the container is in service
        self.in_flight = 0  # requests, counted by the endpoint
        self.capture = context.capture
        self.log_stream_arn = context.log_stream_arn
        self._config = config
        self._definition: dict[str, Any] = model["PrimaryContainer"]
        self._role_arn: str = model["ExecutionRoleArn"]
        self._context = context
        self._resolved = now()
        self._status_message = ""  # in DescribeEndpoint while the container restarts
        self._container: Container | None = None
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep_in_service, name=f"variant {self.name}", daemon=True)

    def start(self) -> None:
        """Bring the variant into service, and keep it there.

        Raises:
            FleetFailedError: The image, the model's archive or the container cannot be used.
        """
        self._check_image()
        self._download()
        self._launch()
        self._keeper.start()

    def stop(self) -> None:
        """Stop at once; no request may be under way."""
        self._stopping.set()
        if self._container is not None:
            self._container.stop()
        if self._keeper.is_alive():
            self._keeper.join()
            assert self._container is not None
            self._container.stop()  # the keeper may have just started another one
        if self.capture:
            self.capture.close()
        self._context.log.close()
        shutil.rmtree(self._context.base, ignore_errors=True)

    def summary(self) -> dict[str, Any]:
        """Return the variant's entry in DescribeEndpoint."""
        image = self._definition["Image"]
        instances = self._config["InitialInstanceCount"]
        reply: dict[str, Any] = {
            "VariantName": self.name,
            "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": self._resolved}],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": instances if self.port else 0,
            "DesiredInstanceCount": instances,
        }
        if self._status_message:
            reply["VariantStatus"] = [{"Status": "Creating", "StatusMessage": self._status_message}]
        return reply

    def _check_image(self) -> None:
        image = self._definition["Image"]
        try:
            program_for(image)
        except ImageNotFoundError as err:
            raise FleetFailedError(f"The image '{image}' does not exist. {err}") from err
        if missing := roles.missing_pull_action(self._role_arn, self._context.region, image):
            raise FleetFailedError(
                f"The role '{self._role_arn}' does not have {missing} permission for the image: '{image}'."
            )

    def _download(self) -> None:
        directory = empty_directory(self._context.base / "model")
        uri = self._definition.get("ModelDataUrl")
        if uri is None:
            return
        try:
            download_model(roles.client("s3", self._role_arn, self._context.region), uri, directory)
        except ClientError as err:
            raise FleetFailedError(
                f'Failed to download model data for container "container_1" from URL: "{uri}". Please ensure that '
                "there is an object located at the URL and that the role passed to CreateModel has permissions to "
                f"download the object. {err}"
            ) from err
        except (TransferError, tarfile.TarError, OSError, EOFError) as err:
            raise FleetFailedError(
                f'Failed to extract model data archive for container "container_1" from URL "{uri}". Please ensure '
                f"that the object located at the URL is a valid tar.gz archive. {err}"
            ) from err

    def _launch(self) -> None:
        port = free_port()
        program = program_for(self._definition["Image"])
        launch = launch_in(self._context.base, program, [*program.command, "serve"], self._environment(port))
        seconds = self._config.get("ContainerStartupHealthCheckTimeoutInSeconds", HEALTH_CHECK_SECONDS)
        try:
            self._container = Container(launch, self._context.log.write)
        except NotStartedError as err:
            self._context.log.write(str(err))
            raise self._unhealthy() from err
        if not wait_until_healthy(self._container, port, seconds):
            self._container.stop()
            raise self._unhealthy()
        self._status_message = ""
        self.port = port

    def _unhealthy(self) -> FleetFailedError:
        return FleetFailedError(
            f"The primary container for production variant {self.name} did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )

    def _environment(self, port: int) -> dict[str, str]:
        return {
            **roles.credentials(self._role_arn),
            "AWS_REGION": self._context.region,
            "AWS_DEFAULT_REGION": self._context.region,
            "SAGEMAKER_BASE_DIR": str(self._context.base),
            "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
            "SAGEMAKER_BIND_TO_PORT": str(port),
            **self._definition.get("Environment", {}),
        }

    def _keep_in_service(self) -> None:
        delay, started = FIRST_RESTART_SECONDS, time.monotonic()
        while not self._stopping.wait(WATCH_SECONDS):
            assert self._container is not None
            code = self._container.exit_code()
            if code is None:
                continue
            self.port = 0
            if time.monotonic() > started + LONGEST_RESTART_SECONDS:
                delay = FIRST_RESTART_SECONDS
            self._report(f"The container ended with exit code {code}. It is started again in {delay:g} s.")
            if self._stopping.wait(delay):
                return
            delay, started = min(2 * delay, LONGEST_RESTART_SECONDS), time.monotonic()
            try:
                self._launch()
            except FleetFailedError as err:
                self._report(str(err))

    def _report(self, message: str) -> None:
        self._status_message = message
        self._context.log.write(message)
