"""InvokeEndpoint: from the request to the container and back, captured on the way."""

import asyncio
import json
import time
from typing import Any

import aiohttp

from localcloud.sagemaker.capture import Payload
from localcloud.sagemaker.endpoints import Endpoints
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.fleets import Variant

INVOCATION_SECONDS = 60
BODY_LIMIT = 6 * 1024 * 1024  # bytes, of a request and of an answer


class Runtime:
    """Sends invocations to the containers over connections that are kept open."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._session: aiohttp.ClientSession | None = None

    async def invoke(self, name: str, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        """Return the headers and the body of the answer.

        Raises:
            ServiceError: ValidationError, or ModelError with the container's own status and message.
        """
        if len(body) > BODY_LIMIT:
            raise ServiceError(
                "ValidationError", f"The request body has {len(body)} bytes, at most {BODY_LIMIT} are allowed."
            )
        deadline = time.monotonic() + INVOCATION_SECONDS
        while time.monotonic() < deadline:
            with self._endpoints.lease(name, headers.get("x-amzn-sagemaker-target-variant")) as (fleet, variant):
                if fleet and variant and variant.port:
                    status, content_type, answer = await self._send(variant, headers, body)
                    if status >= 400:
                        raise model_error(name, status, answer)
                    request = Payload(headers.get("content-type", "application/octet-stream"), body)
                    if fleet.capture:
                        inference_id = headers.get("x-amzn-sagemaker-inference-id")
                        fleet.capture.record(variant.name, inference_id, request, Payload(content_type, answer))
                    return self._answer_headers(headers, content_type, variant), answer
            await asyncio.sleep(0.05)
        raise ServiceError("ServiceUnavailable", f"Endpoint {name} has no container in service.", 503)

    async def _send(self, variant: Variant, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=INVOCATION_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        passed = {"Content-Type": headers.get("content-type", "application/octet-stream")}
        if "accept" in headers:
            passed["Accept"] = headers["accept"]
        if "x-amzn-sagemaker-custom-attributes" in headers:
            passed["X-Amzn-SageMaker-Custom-Attributes"] = headers["x-amzn-sagemaker-custom-attributes"]
        url = f"http://127.0.0.1:{variant.port}/invocations"
        try:
            async with self._session.post(url, data=body, headers=passed) as response:
                return response.status, response.headers.get("Content-Type", ""), await response.read()
        except TimeoutError as err:
            raise model_error(variant.name, 0, b"Your invocation timed out while waiting for a response") from err
        except aiohttp.ClientError as err:
            raise model_error(variant.name, 500, f"The container closed the connection: {err}".encode()) from err

    def _answer_headers(self, headers: dict[str, str], content_type: str, variant: Variant) -> dict[str, str]:
        answer = {"Content-Type": content_type, "x-Amzn-Invoked-Production-Variant": variant.name}
        if "x-amzn-sagemaker-custom-attributes" in headers:
            answer["X-Amzn-SageMaker-Custom-Attributes"] = headers["x-amzn-sagemaker-custom-attributes"]
        return answer


def model_error(endpoint: str, status: int, answer: bytes) -> ServiceError:
    """Return AWS's ModelError: HTTP 424, with what the container itself answered."""
    message = answer.decode(errors="replace")
    kind = "client error" if 400 <= status < 500 else "server error"
    members: dict[str, Any] = {"OriginalStatusCode": status, "OriginalMessage": message}
    text = f"Received {kind} ({status}) from primary with message {json.dumps(message)}."
    log = f"See the log group /aws/sagemaker/Endpoints/{endpoint} for more information."
    return ServiceError("ModelError", f"{text} {log}", 424, **members)
