import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.hosting.capture import Inference
from localcloud.sagemaker.hosting.runtime import BODY_LIMIT, Runtime

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class OneVariant:
    """Endpoints with one variant, or none while `variant` is None."""

    def __init__(self, port: int | None) -> None:
        self.captured: list[Inference] = []
        self.recorded: list[tuple[str, str, int]] = []  # endpoint, variant, status of each invocation
        capture = SimpleNamespace(record=self.captured.append)
        self.variant = None
        if port is not None:
            self.variant = SimpleNamespace(name="A", port=port, log_stream_arn="arn:aws:logs:a-stream", capture=capture)

    @contextmanager
    def lease(self, name: str, variant_name: str | None) -> Iterator[Any]:
        yield self.variant

    def record(
        self, scope: tuple[str, str], endpoint_name: str, variant_name: str, status: int, seconds: float
    ) -> None:
        assert seconds >= 0
        self.recorded.append((endpoint_name, variant_name, status))


def invoke(handler: Handler | None, headers: dict[str, str] | None = None, body: bytes = b"image") -> Any:
    """Return what InvokeEndpoint answers, and what was captured, with a container that answers with `handler`."""

    async def run() -> Any:
        application = web.Application()
        if handler is not None:
            application.router.add_post("/invocations", handler)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        endpoints: Any = OneVariant(runner.addresses[0][1])
        runtime = Runtime(endpoints, endpoints.record, seconds=0.5)
        if handler is None:
            await runner.cleanup()
        try:
            return await runtime.invoke("e", headers or {}, body), endpoints.captured
        finally:
            if runtime._session is not None:
                await runtime._session.close()
            await runner.cleanup()

    return asyncio.run(run())


def refused(handler: Handler | None, **request: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        invoke(handler, **request)
    return caught.value


async def answer(request: web.Request) -> web.Response:
    body = await request.read()
    return web.Response(body=body[::-1], content_type="text/csv")


async def echo_headers(request: web.Request) -> web.Response:
    return web.json_response(dict(request.headers), headers={"X-Amzn-SageMaker-Custom-Attributes": "answered"})


async def be_slow(request: web.Request) -> web.Response:
    await asyncio.sleep(1)
    return web.Response()


async def fail(request: web.Request) -> web.Response:
    return web.Response(status=503, text="out of memory")


async def hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def test_the_answer_and_its_headers_come_back() -> None:
    (headers, body), captured = invoke(answer, {"x-amzn-sagemaker-inference-id": "mine"})
    assert body == b"egami"
    assert headers == {"Content-Type": "text/csv", "x-Amzn-Invoked-Production-Variant": "A"}
    assert (captured[0].inference_id, captured[0].request.data, captured[0].answer.data) == ("mine", b"image", b"egami")


def test_only_the_headers_of_the_api_reach_the_container() -> None:
    sent = {"content-type": "image/png", "accept": "text/csv", "x-amzn-sagemaker-custom-attributes": "asked"}
    (headers, body), _ = invoke(echo_headers, {**sent, "authorization": "secret", "x-other": "y"})
    assert b"image/png" in body
    assert b"text/csv" in body
    assert b"asked" in body
    assert b"secret" not in body
    assert b"X-Other" not in body
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "answered"


def test_a_slow_container_is_a_model_error_in_aws_s_words() -> None:
    err = refused(be_slow)
    assert (err.code, err.status, err.members["OriginalStatusCode"]) == ("ModelError", 424, 0)
    assert str(err).startswith(
        'Received server error (0) from primary with message "Your invocation timed out while waiting for a response '
        "from container primary. Review the latency metrics for each container in Amazon CloudWatch"
    )


def test_a_failing_container_is_a_model_error_with_its_words() -> None:
    err = refused(fail)
    assert err.members == {
        "OriginalStatusCode": 503,
        "OriginalMessage": "out of memory",
        "LogStreamArn": "arn:aws:logs:a-stream",
    }
    assert str(err) == (
        'Received server error (503) from primary with message "out of memory". See '
        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:group=/aws/sagemaker/"
        "Endpoints/e in account 000000000000 for more information."
    )


@pytest.mark.parametrize("container", [None, hang_up])
def test_a_container_that_is_gone_is_a_model_error(container: Handler | None) -> None:
    err = refused(container)
    assert (err.code, err.members["OriginalStatusCode"]) == ("ModelError", 0)
    assert "could not get a response from the e endpoint" in str(err)


def test_nothing_that_failed_is_captured() -> None:
    endpoints: Any = OneVariant(1)  # nothing listens there
    runtime = Runtime(endpoints, endpoints.record, seconds=0.5)

    async def run() -> None:
        try:
            await runtime.invoke("e", {}, b"")
        finally:
            assert runtime._session is not None
            await runtime._session.close()

    with pytest.raises(ServiceError):
        asyncio.run(run())
    assert endpoints.captured == []
    assert endpoints.recorded == [("e", "A", 0)]


def test_an_endpoint_that_does_not_come_back_is_unavailable() -> None:
    endpoints: Any = OneVariant(None)
    with pytest.raises(ServiceError) as caught:
        asyncio.run(Runtime(endpoints, endpoints.record, seconds=0.2).invoke("e", {}, b""))
    assert (caught.value.code, caught.value.status) == ("ServiceUnavailable", 503)


def test_a_body_over_the_limit_is_not_sent() -> None:
    err = refused(answer, body=b"0" * (BODY_LIMIT + 1))
    assert (err.code, err.status, str(err)) == ("413", 413, "HTTP content length exceeded 6291456 bytes.")


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({"x-amzn-sagemaker-inference-id": "i" * 65}, "'inferenceId' failed to satisfy constraint"),
        ({"x-amzn-sagemaker-target-variant": "a_b"}, "'targetVariant' failed to satisfy constraint"),
        ({"x-amzn-sagemaker-target-model": "m.tar.gz"}, "does not emulate TargetModel of InvokeEndpoint"),
    ],
)
def test_headers_are_validated(headers: dict[str, str], sentence: str) -> None:
    err = refused(answer, headers=headers)
    assert err.code == "ValidationError"
    assert sentence in str(err)
