"""SageMaker's HTTP face: signature and IAM checked by MiniStack's own evaluator, then the action."""

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from ministack.app import _request_account_scope
from ministack.core import iam_evaluator
from ministack.core.iam_actions import identity_denial_message
from ministack.core.responses import get_region, set_request_account_id, set_request_region
from ministack.core.router import extract_access_key_id, extract_region

from localcloud.sagemaker.endpoints import Endpoints
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.models import EndpointConfigs, Models
from localcloud.sagemaker.runtime import Runtime
from localcloud.sagemaker.store import ENDPOINT, ENDPOINT_CONFIG, MODEL, TRAINING_JOB, Store, arn_of
from localcloud.sagemaker.tags import Tags
from localcloud.sagemaker.training_jobs import TrainingJobs
from localcloud.sagemaker.validation import service_model, validate

INVOCATION_PATH = re.compile(r"/endpoints/([^/]+)/invocations")
RESOURCE_NAMES = {  # the member that names an action's resource
    "TrainingJobName": TRAINING_JOB,
    "ModelName": MODEL,
    "EndpointConfigName": ENDPOINT_CONFIG,
    "EndpointName": ENDPOINT,
}

logger = logging.getLogger(__name__)


class SageMaker:
    """The ASGI application of the service, and the life of what it runs."""

    def __init__(self, directory: Path) -> None:
        store = Store(directory / "resources.json")
        self._jobs = TrainingJobs(store, directory / "training-jobs")
        self._endpoints = Endpoints(store, directory / "endpoints")
        self._runtime = Runtime(self._endpoints)
        self._actions = actions(self._jobs, Models(store), EndpointConfigs(store), self._endpoints, Tags(store))

    def start(self) -> None:
        """Take up what a former process left; call it when the server answers."""
        self._jobs.start()
        self._endpoints.start()

    def stop(self) -> None:
        """End all containers and write the last captured records; call it while the server still answers."""
        self._jobs.stop_all()
        self._endpoints.stop_all()

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        pin_request(scope, headers)
        body = await read_body(receive)
        iam_evaluator.pin_signed_body(body)
        try:
            status, reply_headers, reply = await self._answer(scope, headers, body)
        except ServiceError as err:
            status, reply_headers, reply = error_reply(err)
        except Exception:
            logger.exception("%s %s", scope["path"], headers.get("x-amz-target", ""))
            status, reply_headers, reply = error_reply(
                ServiceError("InternalFailure", "An internal failure occurred.", 500)
            )
        reply_headers["x-amzn-RequestId"] = str(uuid.uuid4())
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply_headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": reply})

    async def _answer(
        self, scope: dict[str, Any], headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        invocation = INVOCATION_PATH.fullmatch(scope["path"])
        if invocation:
            name = unquote(invocation.group(1))
            authorize(headers, "InvokeEndpoint", arn_of(ENDPOINT, name))
            reply_headers, reply = await self._runtime.invoke(name, headers, body)
            return 200, reply_headers, reply
        action = headers.get("x-amz-target", "").removeprefix("SageMaker.")
        if action not in self._actions:
            raise ServiceError(
                "UnknownOperationException", f"The local cloud does not emulate sagemaker:{action or scope['path']}."
            )
        params = json.loads(body or b"{}")
        authorize(headers, action, resource_arn(action, params))
        shape = service_model("sagemaker").operation_model(action).input_shape
        if shape is not None:
            validate(params, shape)
        answer = await asyncio.to_thread(self._actions[action], params)
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


def actions(
    jobs: TrainingJobs, models: Models, configs: EndpointConfigs, endpoints: Endpoints, tags: Tags
) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    """Return every control-plane action of this service by its name."""
    return {
        "CreateTrainingJob": jobs.create,
        "DescribeTrainingJob": jobs.describe,
        "ListTrainingJobs": jobs.list,
        "StopTrainingJob": jobs.stop,
        "DeleteTrainingJob": jobs.delete,
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
        "AddTags": tags.add,
        "ListTags": tags.list,
        "DeleteTags": tags.delete,
    }


def pin_request(scope: dict[str, Any], headers: dict[str, str]) -> None:
    """Set the account, region and signature that MiniStack's evaluator will judge this request by."""
    access_key = extract_access_key_id(headers)
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    if access_key:
        set_request_account_id(_request_account_scope(access_key))
    set_request_region(extract_region(headers))
    raw_path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    iam_evaluator.pin_signed_request(scope["method"], raw_path, {}, scope["headers"])
    iam_evaluator.pin_request_caller(headers, {})


async def read_body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def resource_arn(action: str, params: dict[str, Any]) -> str:
    """Return the ARN that IAM judges the action by; `*` for the List actions."""
    for member, kind in RESOURCE_NAMES.items():
        if action.endswith(member.removesuffix("Name")):
            return arn_of(kind, str(params.get(member, "")))
    return str(params.get("ResourceArn", "*"))


def authorize(headers: dict[str, str], action: str, arn: str) -> None:
    """Check signature and policies.

    Raises:
        ServiceError: With AWS's sentence.
    """
    name = f"sagemaker:{action}"
    denied = iam_evaluator.enforce(extract_access_key_id(headers), name, "sagemaker", get_region(), resource_arn=arn)
    if isinstance(denied, iam_evaluator.AuthError):
        raise ServiceError(denied.code, denied.message, 403)
    if denied is not None:
        sentence = identity_denial_message(name, denied.principal_arn, arn, denied.decision == "Deny")
        raise ServiceError("AccessDeniedException", sentence, 400)


def error_reply(err: ServiceError) -> tuple[int, dict[str, str], bytes]:
    """Return an error in both protocols' terms: the header is REST's, `__type` is JSON 1.1's."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": err.code}
    body = {"__type": err.code, "message": str(err), "Message": str(err), **err.members}
    return err.status, headers, json.dumps(body).encode()
