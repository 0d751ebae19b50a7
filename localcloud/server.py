"""The server process: one ASGI application that hands each request to SageMaker or to MiniStack."""

import logging
import os
import re
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from ministack.app import app as ministack
from ministack.core import hypercorn_compat

from localcloud import lambda_functions, step_functions
from localcloud.sagemaker.service import SageMaker

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# SigV4: `Credential=<key>/<date>/<region>/<service>/aws4_request`
CREDENTIAL_SCOPE = re.compile(rb"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")


def signed_service(scope: Scope) -> str:
    """Return the service in the request's credential scope, `""` when it is not signed in a header."""
    authorization = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    found = CREDENTIAL_SCOPE.search(authorization)
    return found.group(1).decode() if found else ""


def over_tls(scope: Scope) -> Scope:
    """Mark a request as received over TLS: on the loopback there is none, and policies of AWS ask for it."""
    return {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}


def compose(sagemaker: Application) -> Application:
    """Return the application of the whole cloud: requests signed for SageMaker go there, all others to MiniStack."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = over_tls(scope)
        if scope["type"] == "http" and signed_service(scope) == "sagemaker":
            await sagemaker(scope, receive, send)
        else:
            await ministack(scope, receive, send)

    return application


def serve(port: int, state: Path) -> None:
    """Run the cloud until SIGTERM or SIGINT, then stop what it started and keep its state."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    hypercorn_compat.install()
    lambda_functions.correct()
    step_functions.correct()
    sagemaker = SageMaker(state / "sagemaker")
    server = uvicorn.Server(
        uvicorn.Config(compose(sagemaker), host="127.0.0.1", port=port, log_config=None, access_log=False)
    )
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    # uvicorn takes over the signals only in the main thread. It keeps answering while SageMaker stops, because
    # the last captured records still go to S3.
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    while not server.started and thread.is_alive():
        stopping.wait(0.01)
    sagemaker.start()
    while not stopping.wait(1) and thread.is_alive():
        pass
    sagemaker.stop()
    server.should_exit = True
    thread.join()


if __name__ == "__main__":
    # The environment is `environment.server_environment`.
    serve(int(os.environ["GATEWAY_PORT"]), Path(os.environ["STATE_DIR"]).parent)
