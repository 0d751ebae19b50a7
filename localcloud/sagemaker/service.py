"""SageMaker's HTTP interface: authorizes and validates a request, then takes its action."""

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from localcloud import identity
from localcloud.sagemaker.authorization import authorize
from localcloud.sagemaker.emulated import check_emulated
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.hosting.endpoint_configs import EndpointConfigs
from localcloud.sagemaker.hosting.endpoints import Endpoints
from localcloud.sagemaker.hosting.metrics import InvocationMetrics, Publish
from localcloud.sagemaker.hosting.models import Models
from localcloud.sagemaker.hosting.runtime import Runtime
from localcloud.sagemaker.processing.jobs import ProcessingJobs
from localcloud.sagemaker.store import Store
from localcloud.sagemaker.tags import Tags
from localcloud.sagemaker.training.jobs import TrainingJobs
from localcloud.sagemaker.validation import service_model, validate

INVOCATION_PATH = re.compile(r"/endpoints/([^/]+)/invocations")

Reply = tuple[int, dict[str, str], bytes]  # HTTP status, headers, body
Actions = dict[str, Callable[[dict[str, Any]], dict[str, Any]]]  # of the control plane, by name

logger = logging.getLogger(__name__)


class SageMaker:
    """The ASGI application of the service; starts and stops its jobs and endpoints."""

    def __init__(self, directory: Path, publish: Publish) -> None:
        store = Store(directory / "resources.json")
        self._jobs = TrainingJobs(store, directory / "training-jobs")
        self._processing = ProcessingJobs(store, directory / "processing-jobs")
        self._endpoints = Endpoints(store, directory / "endpoints")
        self._metrics = InvocationMetrics(publish)
        self._runtime = Runtime(self._endpoints, self._metrics.record)
        self._actions = {
            **job_actions(self._jobs, self._processing),
            **hosting_actions(Models(store), EndpointConfigs(store), self._endpoints),
            **tag_actions(Tags(store)),
        }

    def start(self) -> None:
        """Resume the jobs and endpoints of an earlier process; call it when the server answers."""
        self._jobs.start()
        self._processing.start()
        self._endpoints.start()

    def stop(self) -> None:
        """End all containers and write the last captured records; call it while the server still answers."""
        self._jobs.stop_all()
        self._processing.stop_all()
        self._endpoints.stop_all()
        self._metrics.close()

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await read_body(receive)
        identity.begin_request(headers)
        try:
            status, reply_headers, reply = await self._answer(scope["path"], headers, body)
        except ServiceError as err:
            status, reply_headers, reply = error_reply(err)
        except Exception:
            logger.exception("%s %s", scope["path"], headers.get("x-amz-target", ""))
            status, reply_headers, reply = error_reply(
                ServiceError("InternalFailure", "An internal failure occurred.", 500)
            )
        reply_headers["x-amzn-RequestId"] = str(uuid.uuid4())
        reply_headers["Content-Length"] = str(len(reply))
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply_headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": reply})

    async def _answer(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        if invocation := INVOCATION_PATH.fullmatch(path):
            name = unquote(invocation.group(1))
            authorize(headers, "InvokeEndpoint", {"EndpointName": name})
            return 200, *await self._runtime.invoke(name, headers, body)
        action = headers.get("x-amz-target", "").removeprefix("SageMaker.")
        if action not in self._actions:
            raise ServiceError(
                "UnknownOperationException", f"The local cloud does not emulate sagemaker:{action or path}."
            )
        params = parse(body)
        authorize(headers, action, params)
        shape = service_model("sagemaker").operation_model(action).input_shape
        if shape is not None:
            validate(params, shape)
        check_emulated(action, params)
        answer = await asyncio.to_thread(self._actions[action], params)
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


def job_actions(training: TrainingJobs, processing: ProcessingJobs) -> Actions:
    return {
        "CreateTrainingJob": training.create,
        "DescribeTrainingJob": training.describe,
        "ListTrainingJobs": training.list,
        "StopTrainingJob": training.stop,
        "DeleteTrainingJob": training.delete,
        "CreateProcessingJob": processing.create,
        "DescribeProcessingJob": processing.describe,
        "ListProcessingJobs": processing.list,
        "StopProcessingJob": processing.stop,
    }


def hosting_actions(models: Models, configs: EndpointConfigs, endpoints: Endpoints) -> Actions:
    return {
        "CreateModel": models.create,
        "DescribeModel": models.describe,
        "ListModels": models.list,
        "DeleteModel": models.delete,
        "CreateEndpointConfig": configs.create,
        "DescribeEndpointConfig": configs.describe,
        "ListEndpointConfigs": configs.list,
        "DeleteEndpointConfig": configs.delete,
        "CreateEndpoint": endpoints.create,
        "DescribeEndpoint": endpoints.describe,
        "ListEndpoints": endpoints.list,
        "UpdateEndpoint": endpoints.update,
        "DeleteEndpoint": endpoints.delete,
    }


def tag_actions(tags: Tags) -> Actions:
    return {"AddTags": tags.add, "ListTags": tags.list, "DeleteTags": tags.delete}


async def read_body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def parse(body: bytes) -> dict[str, Any]:
    """Return the request's members; null ones are treated as absent.

    Raises:
        ServiceError: SerializationException, when the body is not a JSON object.
    """
    try:
        params = json.loads(body or b"{}")
    except ValueError as err:
        raise ServiceError("SerializationException", f"The request is not JSON: {err}.") from err
    if not isinstance(params, dict):
        raise ServiceError("SerializationException", "The request must be of type structure.")
    return {name: value for name, value in params.items() if value is not None}


def error_reply(err: ServiceError) -> Reply:
    """Return an error for both protocols: REST reads the header, JSON 1.1 reads `__type`."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": err.code}
    body = {"__type": err.code, "message": str(err), "Message": str(err), **err.members}
    return err.status, headers, json.dumps(body).encode()
