"""Endpoints: Create, Describe, List, Update and Delete, and the fleet behind each."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import get_account_id

from localcloud.sagemaker import roles
from localcloud.sagemaker.capture import DataCapture, capture_summary
from localcloud.sagemaker.errors import ServiceError, already_exists, not_found
from localcloud.sagemaker.fleets import Fleet, FleetFailedError, Variant
from localcloud.sagemaker.listing import list_resources
from localcloud.sagemaker.logs import LogStream
from localcloud.sagemaker.store import (
    ENDPOINT,
    ENDPOINT_CONFIG,
    MODEL,
    Resource,
    Store,
    arn_of,
    now,
    region_of,
)

IN_PROGRESS = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
SERVING = ("InService", "Updating", "SystemUpdating")


class Endpoints:
    """The endpoints of this cloud."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._fleets: dict[str, Fleet] = {}  # by ARN
        self._lock = threading.Lock()  # a fleet is not stopped between its choice and the start of a request

    # Actions -------------------------------------------------------------------------------------------------

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = arn_of(ENDPOINT, params["EndpointName"])
        if self._store.get(ENDPOINT, arn):
            raise already_exists("endpoint", arn)
        self._check_config(params["EndpointConfigName"])
        created = now()
        endpoint = {
            "EndpointName": params["EndpointName"],
            "EndpointArn": arn,
            "EndpointConfigName": params["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": created,
            "LastModifiedTime": created,
        }
        self._store.put(ENDPOINT, arn, endpoint)
        self._store.put_tags(arn, {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])})
        self._in_background(self._deploy, arn, params["EndpointConfigName"], "Failed")
        return {"EndpointArn": arn}

    def update(self, params: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._find(params["EndpointName"])
        arn = endpoint["EndpointArn"]
        if endpoint["EndpointStatus"] in IN_PROGRESS:
            raise ServiceError("ValidationException", f'Cannot update in-progress endpoint "{arn}".')
        self._check_config(params["EndpointConfigName"])
        self._store.update(ENDPOINT, arn, EndpointStatus="Updating")
        on_failure = "InService" if arn in self._fleets else "Failed"  # the old fleet stays when there is one
        self._in_background(self._deploy, arn, params["EndpointConfigName"], on_failure)
        return {"EndpointArn": arn}

    def describe(self, params: dict[str, Any]) -> Resource:
        endpoint = self._find(params["EndpointName"])
        reply = dict(endpoint)
        fleet = self._fleets.get(endpoint["EndpointArn"])
        if fleet is not None:
            reply["ProductionVariants"] = [variant.summary() for variant in fleet.variants]
        config = self._store.get(ENDPOINT_CONFIG, self._config_arn(endpoint["EndpointConfigName"]))
        if config is not None and "DataCaptureConfig" in config:
            reply["DataCaptureConfig"] = capture_summary(config["DataCaptureConfig"])
        return reply

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        return list_resources(self._store.in_scope(ENDPOINT), params, "Endpoint", "Endpoints")

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._find(params["EndpointName"])
        arn = endpoint["EndpointArn"]
        if endpoint["EndpointStatus"] in IN_PROGRESS:
            raise ServiceError("ValidationException", f'Cannot update in-progress endpoint "{arn}".')
        self._store.update(ENDPOINT, arn, EndpointStatus="Deleting")
        self._in_background(self._remove, arn)
        return {}

    # For the runtime -----------------------------------------------------------------------------------------

    @contextmanager
    def lease(self, name: str, variant_name: str | None) -> Iterator[tuple[Fleet | None, Variant | None]]:
        """Choose a variant for one request and keep its fleet alive until the request ends.

        Yields:
            Nothing to send the request to, (None, None), while a cloud that was started again brings it back.

        Raises:
            ServiceError: ValidationError, when there is no such endpoint or variant, or it is not in service.
        """
        arn = arn_of(ENDPOINT, name)
        endpoint = self._store.get(ENDPOINT, arn)
        if endpoint is None:
            raise ServiceError("ValidationError", f"Endpoint {name} of account {get_account_id()} not found.")
        if endpoint["EndpointStatus"] not in SERVING:
            raise ServiceError("ValidationError", f"Endpoint {name} of account {get_account_id()} is not InService.")
        with self._lock:
            fleet = self._fleets.get(arn)
            variant = fleet.choose(variant_name) if fleet else None
            if variant:
                variant.in_flight += 1
        if fleet and variant is None:
            raise ServiceError("ValidationError", f"Variant {variant_name} not found for Endpoint {name}.")
        try:
            yield fleet, variant
        finally:
            if variant:
                with self._lock:
                    variant.in_flight -= 1

    # Life of the cloud ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring back the endpoints that were in service when the cloud was last stopped."""
        for arn, endpoint in self._store.all(ENDPOINT).items():
            if endpoint["EndpointStatus"] == "Deleting":
                self._store.delete(ENDPOINT, arn)
            elif endpoint["EndpointStatus"] != "Failed":
                self._store.update(ENDPOINT, arn, EndpointStatus="SystemUpdating")
                self._in_background(self._deploy, arn, endpoint["EndpointConfigName"], "Failed")

    def stop_all(self) -> None:
        for fleet in list(self._fleets.values()):
            fleet.stop()

    # Deployment ----------------------------------------------------------------------------------------------

    def _find(self, name: str) -> Resource:
        arn = arn_of(ENDPOINT, name)
        endpoint = self._store.get(ENDPOINT, arn)
        if endpoint is None:
            raise not_found("endpoint", arn)
        return endpoint

    def _config_arn(self, name: str) -> str:
        return arn_of(ENDPOINT_CONFIG, name)

    def _check_config(self, name: str) -> None:
        arn = self._config_arn(name)
        config = self._store.get(ENDPOINT_CONFIG, arn)
        if config is None:
            raise not_found("endpoint configuration", arn)
        for variant in config["ProductionVariants"]:
            model_arn = arn_of(MODEL, variant["ModelName"])
            if self._store.get(MODEL, model_arn) is None:
                raise not_found("model", model_arn)

    def _in_background(self, work: Any, *args: Any) -> None:
        threading.Thread(target=work, args=args, name="endpoint", daemon=True).start()

    def _deploy(self, arn: str, config_name: str, status_on_failure: str) -> None:
        """Start a new fleet, lead the traffic to it, and stop the old one when its requests have ended."""
        try:
            fleet = self._fleet(arn, config_name)
            fleet.start()
        except (FleetFailedError, ClientError) as err:
            self._store.update(ENDPOINT, arn, EndpointStatus=status_on_failure, FailureReason=str(err))
            return
        with self._lock:
            old = self._fleets.get(arn)
            self._fleets[arn] = fleet
        endpoint = self._store.get(ENDPOINT, arn) or {}
        endpoint.pop("FailureReason", None)
        self._store.update(ENDPOINT, arn, EndpointStatus="InService", EndpointConfigName=config_name)
        if old:
            old.drain()

    def _fleet(self, arn: str, config_name: str) -> Fleet:
        region, name = region_of(arn), arn.rsplit("/", 1)[-1]
        scope = arn.rsplit(":", 1)[0]
        config = self._store.get(ENDPOINT_CONFIG, f"{scope}:{ENDPOINT_CONFIG.arn_part}/{config_name.lower()}")
        if config is None:
            raise FleetFailedError(f"The endpoint configuration {config_name} is gone.")
        variants = [self._variant(one, scope, name, config_name, region) for one in config["ProductionVariants"]]
        capture = config.get("DataCaptureConfig", {})
        if not capture.get("EnableCapture", bool(capture)):
            return Fleet(variants, None)
        role = variants[0].role_arn
        return Fleet(variants, DataCapture(capture, name, roles.client("s3", role, region), variants[0].log.write))

    def _variant(self, config: dict[str, Any], scope: str, endpoint: str, config_name: str, region: str) -> Variant:
        model = self._store.get(MODEL, f"{scope}:{MODEL.arn_part}/{config['ModelName'].lower()}")
        if model is None:
            raise FleetFailedError(f"The model {config['ModelName']} is gone.")
        base = self._directory / endpoint / config_name / config["VariantName"]
        client = roles.client("logs", model["ExecutionRoleArn"], region)
        stream = f"{config['VariantName']}/i-{now():.3f}"
        log = LogStream(client, f"/aws/sagemaker/Endpoints/{endpoint}", stream, base / "log")
        return Variant(config, model, base, log, region)

    def _remove(self, arn: str) -> None:
        with self._lock:
            fleet = self._fleets.pop(arn, None)
        if fleet:
            fleet.drain()
        self._store.delete(ENDPOINT, arn)
