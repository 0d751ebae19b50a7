"""InvokeEndpoint: sends a request to a container, captures both sides and returns the answer."""

import asyncio
import time
from typing import Any

import aiohttp

from localcloud import identity
from localcloud.sagemaker.emulated import check_emulated
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.hosting.capture import Inference, Payload
from localcloud.sagemaker.hosting.endpoints import Endpoints
from localcloud.sagemaker.hosting.metrics import Record
from localcloud.sagemaker.hosting.variants import Variant
from localcloud.sagemaker.validation import service_model, validate

INVOCATION_SECONDS = 60
BODY_LIMIT = 6 * 1024 * 1024  # bytes of a request, in botocore's model
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
NO_ANSWER = (
    "Amazon SageMaker could not get a response from the {endpoint_name} endpoint. This can occur when CPU or memory "
    "utilization is high. To check your utilization, see Amazon CloudWatch. To fix this problem, use an instance type "
    "with more CPU capacity or memory."
)


class Runtime:
    """Sends invocations to containers over persistent connections."""

    def __init__(self, endpoints: Endpoints, record: Record, seconds: float = INVOCATION_SECONDS) -> None:
        self._endpoints = endpoints
        self._record = record
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        shape = service_model("sagemaker-runtime").operation_model("InvokeEndpoint").input_shape
        assert shape is not None
        self._shape = shape
        self._members = {
            member.serialization["name"].lower(): name
            for name, member in shape.members.items()
            if member.serialization.get("location") == "header"
        }

    async def invoke(self, name: str, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        """Return the headers and the body of the answer.

        Raises:
            ServiceError: ValidationError, or ModelError with the container's own status and message.
        """
        if len(body) > BODY_LIMIT:
            raise ServiceError("413", f"HTTP content length exceeded {BODY_LIMIT} bytes.", 413)
        params = {member: headers[header] for header, member in self._members.items() if header in headers}
        validate({"EndpointName": name, "Body": body, **params}, self._shape, "ValidationError")
        check_emulated("InvokeEndpoint", params, "ValidationError")
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            with self._endpoints.lease(name, params.get("TargetVariant")) as variant:
                if variant:
                    return await self._ask(name, variant, params, body)
            await asyncio.sleep(0.05)
        raise ServiceError("ServiceUnavailable", f"Endpoint {name} has no container in service.", 503)

    async def _ask(
        self, name: str, variant: Variant, params: dict[str, str], body: bytes
    ) -> tuple[dict[str, str], bytes]:
        """Return the answer of a variant's container as InvokeEndpoint's."""
        started, status = time.monotonic(), 0
        try:
            status, answer_headers, answer = await self._send(name, variant, params, body)
        finally:
            self._record(
                (identity.account_id(), identity.region()), name, variant.name, status, time.monotonic() - started
            )
        if status >= 400:
            raise model_error(name, variant, status, answer.decode(errors="replace"))
        reply = Payload(answer_headers.get("Content-Type", ""), answer)
        if variant.capture:
            request = Payload(params.get("ContentType", "application/octet-stream"), body)
            variant.capture.record(Inference(request, reply, params.get("InferenceId")))
        headers = {"Content-Type": reply.content_type, "x-Amzn-Invoked-Production-Variant": variant.name}
        if CUSTOM_ATTRIBUTES in answer_headers:
            headers[CUSTOM_ATTRIBUTES] = answer_headers[CUSTOM_ATTRIBUTES]
        return headers, answer

    async def _send(self, name: str, variant: Variant, params: dict[str, str], body: bytes) -> tuple[int, Any, bytes]:
        """Return status, headers and body of the container's answer; without an answer AWS gives the status 0."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._seconds)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        passed = {"Content-Type": params.get("ContentType", "application/octet-stream")}
        if "Accept" in params:
            passed["Accept"] = params["Accept"]
        if "CustomAttributes" in params:
            passed[CUSTOM_ATTRIBUTES] = params["CustomAttributes"]
        url = f"http://127.0.0.1:{variant.port}/invocations"
        try:
            async with self._session.post(url, data=body, headers=passed) as response:
                return response.status, response.headers, await response.read()
        except TimeoutError as err:
            raise model_error(name, variant, 0, TIMED_OUT) from err
        except (aiohttp.ClientError, OSError) as err:
            raise model_error(name, variant, 0, NO_ANSWER.format(endpoint_name=name)) from err


def model_error(endpoint_name: str, variant: Variant, status: int, message: str) -> ServiceError:
    """Return AWS's ModelError: HTTP 424, with what the container itself answered."""
    region = identity.region()
    kind = "client error" if 400 <= status < 500 else "server error"
    return ServiceError(
        "ModelError",
        f'Received {kind} ({status}) from primary with message "{message}". See https://{region}.console.aws.amazon.com'
        f"/cloudwatch/home?region={region}#logEventViewer:group=/aws/sagemaker/Endpoints/{endpoint_name} in account "
        f"{identity.account_id()} for more information.",
        424,
        OriginalStatusCode=status,
        OriginalMessage=message,
        LogStreamArn=variant.log_stream_arn,
    )
