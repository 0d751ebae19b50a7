"""Endpoints: Create, Describe, List, Update and Delete, and the fleet behind each."""

import logging
import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localcloud import identity
from localcloud.files import inside
from localcloud.sagemaker.errors import ServiceError, already_exists, invalid, not_found
from localcloud.sagemaker.hosting.capture import capture_summary
from localcloud.sagemaker.hosting.deployments import Deployment, build_fleet, deployment_of
from localcloud.sagemaker.hosting.fleets import Fleet
from localcloud.sagemaker.hosting.guardrails import Guardrail, RolledBackError, check_variants, guardrail_of
from localcloud.sagemaker.hosting.variants import FleetFailedError, Variant
from localcloud.sagemaker.listing import list_resources
from localcloud.sagemaker.store import (
    DEPLOYMENT,
    ENDPOINT,
    ENDPOINT_CONFIG,
    MODEL,
    Resource,
    Store,
    arn_of,
    now,
)

IN_PROGRESS = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
SHUTDOWN_SECONDS = 5  # for requests under way
SERVING = ("InService", "Updating", "SystemUpdating")

logger = logging.getLogger(__name__)


class Endpoints:
    """The endpoints of this cloud."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._fleets: dict[str, Fleet] = {}  # by ARN
        self._canaries: dict[str, tuple[Fleet, float]] = {}  # by ARN: the new fleet, and its share of the requests
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # no fleet stops between being chosen and the start of a request
        self._change = threading.Lock()  # one request at a time changes an endpoint

    # Actions -------------------------------------------------------------------------------------------------

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = arn_of(ENDPOINT, params["EndpointName"])
        if self._store.get(ENDPOINT, arn):
            raise already_exists("endpoint", arn)
        deployment = self._deployment(params["EndpointConfigName"])
        created = now()
        endpoint = {
            "EndpointName": params["EndpointName"],
            "EndpointArn": arn,
            "EndpointConfigName": params["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": created,
            "LastModifiedTime": created,
        }
        if not self._store.add(ENDPOINT, arn, endpoint, params.get("Tags", [])):
            raise already_exists("endpoint", arn)
        self._in_background(self._deploy, arn, deployment)
        return {"EndpointArn": arn}

    def update(self, params: dict[str, Any]) -> dict[str, Any]:
        with self._change:
            endpoint = self._settled(params["EndpointName"])
            arn = endpoint["EndpointArn"]
            if endpoint["EndpointStatus"] == "Failed":  # "DeleteEndpoint is the only operation" then
                raise invalid(f'Cannot update failed endpoint "{arn}".')
            current = self._config(endpoint["EndpointConfigName"])  # AWS needs the current configuration, too
            deployment = self._deployment(params["EndpointConfigName"])
            guardrail = Guardrail()
            if config := params.get("DeploymentConfig"):
                check_variants(current, deployment["Config"])
                guardrail = guardrail_of(config, deployment, arn)
            last = {"LastDeploymentConfig": config} if config else {}
            self._store.update(ENDPOINT, arn, EndpointStatus="Updating", FailureReason=None, **last)
        self._in_background(self._deploy, arn, deployment, guardrail)
        return {"EndpointArn": arn}

    def describe(self, params: dict[str, Any]) -> Resource:
        endpoint = self._find(params["EndpointName"])
        arn = endpoint["EndpointArn"]
        reply = dict(endpoint)
        if fleet := self._fleets.get(arn):
            reply["ProductionVariants"] = [variant.summary() for variant in fleet.variants]
        deployment = self._store.get(DEPLOYMENT, arn)
        if deployment and "DataCaptureConfig" in deployment["Config"]:
            reply["DataCaptureConfig"] = capture_summary(deployment["Config"]["DataCaptureConfig"])
        return reply

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        return list_resources(self._store.in_scope(ENDPOINT), params, "Endpoint", "Endpoints")

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        with self._change:
            arn = self._settled(params["EndpointName"])["EndpointArn"]
            self._store.update(ENDPOINT, arn, EndpointStatus="Deleting")
        self._in_background(self._remove, arn)
        return {}

    # For the runtime -----------------------------------------------------------------------------------------

    @contextmanager
    def lease(self, name: str, variant_name: str | None) -> Iterator[Variant | None]:
        """Choose a variant for one request and keep its fleet running until the request ends.

        Yields:
            None while a restarted cloud brings the endpoint back.

        Raises:
            ServiceError: ValidationError, when there is no such endpoint or variant, or it is not in service.
        """
        arn = arn_of(ENDPOINT, name)
        endpoint = self._store.get(ENDPOINT, arn)
        if endpoint is None:
            raise ServiceError("ValidationError", f"Endpoint {name} of account {identity.account_id()} not found.")
        if endpoint["EndpointStatus"] not in SERVING:
            raise ServiceError(
                "ValidationError", f"Endpoint {name} of account {identity.account_id()} is not InService."
            )
        with self._lock:
            fleet = self._route(arn)
            variant = fleet.choose(variant_name) if fleet else None
            if variant:
                variant.in_flight += 1
        if fleet and variant is None:
            raise ServiceError("ValidationError", f"Variant {variant_name} not found for Endpoint {name}.")
        try:
            yield variant
        finally:
            if variant:
                with self._lock:
                    variant.in_flight -= 1

    def _route(self, arn: str) -> Fleet | None:
        """Return the fleet for one request: during a canary the new one gets its share."""
        new, share = self._canaries.get(arn, (None, 0.0))
        return new if new and random.random() < share else self._fleets.get(arn)

    # Start and stop of the cloud ---------------------------------------------------------------------------

    def start(self) -> None:
        """Bring back the endpoints that existed when the cloud was last stopped."""
        shutil.rmtree(self._directory, ignore_errors=True)  # left by fleets that were killed
        for arn, endpoint in self._store.all(ENDPOINT).items():
            deployment = self._store.get(DEPLOYMENT, arn)
            if endpoint["EndpointStatus"] == "Deleting":
                self._remove(arn)
            elif endpoint["EndpointStatus"] == "Creating" or deployment is None:
                reason = "The local cloud was stopped while the endpoint was created."
                self._store.report(ENDPOINT, arn, EndpointStatus="Failed", FailureReason=reason)
            elif endpoint["EndpointStatus"] != "Failed":
                self._store.report(ENDPOINT, arn, EndpointStatus="SystemUpdating")
                self._in_background(self._deploy, arn, deployment)

    def stop_all(self) -> None:
        self._stopping.set()
        for fleet in [*self._fleets.values(), *(new for new, _ in self._canaries.values())]:
            fleet.drain(SHUTDOWN_SECONDS)

    # Deployment ----------------------------------------------------------------------------------------------

    def _find(self, name: str) -> Resource:
        arn = arn_of(ENDPOINT, name)
        endpoint = self._store.get(ENDPOINT, arn)
        if endpoint is None:
            raise not_found("endpoint", arn)
        return endpoint

    def _settled(self, name: str) -> Resource:
        """Return an endpoint that is not being changed."""
        endpoint = self._find(name)
        if endpoint["EndpointStatus"] in IN_PROGRESS:
            raise invalid(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')
        return endpoint

    def _config(self, name: str) -> Resource:
        arn = arn_of(ENDPOINT_CONFIG, name)
        config = self._store.get(ENDPOINT_CONFIG, arn)
        if config is None:
            raise not_found("endpoint configuration", arn)
        return config

    def _deployment(self, config_name: str) -> Deployment:
        deployment = deployment_of(self._store, self._config(config_name))
        for name, model in deployment["Models"].items():
            if model is None:
                raise not_found("model", arn_of(MODEL, name))
        return deployment

    def _in_background(self, work: Any, *args: Any) -> None:
        threading.Thread(target=work, args=args, name="endpoint", daemon=True).start()

    def _deploy(self, arn: str, deployment: Deployment, guardrail: Guardrail | None = None) -> None:
        """Start a new fleet, send the traffic to it, and stop the old one when its requests have ended.

        When the new fleet fails, or an alarm goes off, the old one stays in service and FailureReason says why.
        """
        try:
            fleet = self._start_fleet(arn, deployment, guardrail or Guardrail())
        except Exception as err:  # the edge of a thread: clients wait for a final status
            if not isinstance(err, (FleetFailedError, RolledBackError, ServiceError)):
                logger.exception("%s", arn)
            status = "InService" if arn in self._fleets else "Failed"
            self._store.report(ENDPOINT, arn, EndpointStatus=status, FailureReason=str(err))
            return
        with self._lock:
            old = self._fleets.get(arn)
            self._fleets[arn] = fleet
            self._canaries.pop(arn, None)
        config_name = deployment["Config"]["EndpointConfigName"]
        self._store.report(ENDPOINT, arn, EndpointStatus="InService", EndpointConfigName=config_name)
        if old:
            old.drain()

    def _start_fleet(self, arn: str, deployment: Deployment, guardrail: Guardrail) -> Fleet:
        """Return a started fleet that has passed its guardrail and whose deployment is saved.

        Only traffic of a canary goes to one that would not come back: until it has passed, the old one would.
        """
        deadline = time.monotonic() + guardrail.most_seconds
        fleet = build_fleet(deployment, arn, inside(self._directory, arn.rsplit("/", 1)[-1]))
        fleet.start()
        try:
            for share, seconds in ((guardrail.share, guardrail.wait_seconds), (1.0, guardrail.termination_seconds)):
                if seconds:
                    with self._lock:
                        self._canaries[arn] = (fleet, share)
                    guardrail.watch(seconds, deadline, self._stopping)
            self._store.put(DEPLOYMENT, arn, deployment)
        except (RolledBackError, ServiceError):
            with self._lock:
                self._canaries.pop(arn, None)
            fleet.drain()
            raise
        return fleet

    def _remove(self, arn: str) -> None:
        with self._lock:
            fleet = self._fleets.pop(arn, None)
        if fleet:
            fleet.drain()
        self._store.forget(DEPLOYMENT, arn)
        self._store.forget(ENDPOINT, arn)
