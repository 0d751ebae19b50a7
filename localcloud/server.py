"""The server process: behind the front door, one ASGI application hands each request to SageMaker or to MiniStack."""

import json
import logging
import os
import re
import signal
import sys
import threading
from pathlib import Path
from xml.sax.saxutils import escape

# ruff: noqa: E402  # MiniStack imports Docker's client (10 MB) where it is installed; nothing here needs containers.
sys.modules["docker"] = None  # type: ignore[assignment]

import uvicorn
from ministack.app import app as ministack

from localcloud import LocalCloudError, identity, instances, keys, supervisor
from localcloud.corrections import log_events, main_loop, registry, s3_requests, s3_store
from localcloud.corrections.alarms import Watch, publish_endpoint_metrics
from localcloud.corrections.events import delivery, outbox
from localcloud.corrections.persistence import Saver
from localcloud.corrections.queues import saved
from localcloud.environment import SERVICES
from localcloud.front_door import Application, FrontDoor, Receive, Scope, Send
from localcloud.header_limit import LimitedProtocol
from localcloud.sagemaker.service import SageMaker

SHUTDOWN_SECONDS = 5  # for requests under way, and for clients that do not read their answer

# Actions that change nothing, in the header of the JSON protocols.
READING = re.compile(rb"\.(Describe|Get|List|Filter)")

# SigV4: `Credential=<key>/<date>/<region>/<service>/aws4_request`
CREDENTIAL_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")


def signed_service(scope: Scope) -> str:
    """Return the service in the request's credential scope, `""` when no header signs the request."""
    found = CREDENTIAL_SCOPE.search(authorization(scope))
    return found.group(1) if found else ""


def authorization(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), "")


def over_tls(scope: Scope) -> Scope:
    """Mark a request as received over TLS: the loopback has none, and policies ask for it."""
    return {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}


def compose(sagemaker: Application, saver: Saver) -> Application:
    """Return the application of the whole cloud: requests signed for SageMaker go there, all others to MiniStack."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            main_loop.remember()
            await ministack(scope, receive, send)
            return
        service = signed_service(scope)
        if service == "sagemaker":
            await sagemaker(over_tls(scope), receive, send)
            if scope["path"] == "/":  # it is no invocation of an endpoint
                identity.forget_what_is_allowed()
        elif service and service not in SERVICES:
            await refuse(service, send)
        elif saver.problem and changes_saved_state(scope, service):
            await refuse_while_unsaved(scope, saver.problem, send)
        else:
            identity.note_caller(authorization(scope))
            if service == "s3" and s3_requests.is_plain(scope):
                await s3_requests.handle(over_tls(scope), receive, send)
            else:
                await ministack(over_tls(scope), receive, send)
                identity.forget_what_is_allowed()
            saver.note(scope["method"])

    return application


async def refuse(service: str, send: Send) -> None:
    """Answer for a service that is not there, so that SDKs of the JSON protocols show the sentence."""
    error = {"__type": "UnknownOperationException", "message": f"The local cloud does not emulate {service}."}
    headers = [(b"content-type", b"application/x-amz-json-1.1"), (b"x-amzn-errortype", b"UnknownOperationException")]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(error).encode()})


def changes_saved_state(scope: Scope, service: str) -> bool:
    """Return whether a request may change what the saver saves; S3 saves its objects itself."""
    if scope["method"] in ("GET", "HEAD") or service in ("", "s3", "sts"):
        return False
    return not READING.search(dict(scope["headers"]).get(b"x-amz-target", b""))


async def refuse_while_unsaved(scope: Scope, sentence: str, send: Send) -> None:
    """Answer ServiceUnavailable, which clients send again, in the protocol of the request: XML for forms, else JSON."""
    code, kind = "ServiceUnavailable", dict(scope["headers"]).get(b"content-type", b"")
    if kind.startswith(b"application/x-www-form-urlencoded"):
        kind = b"text/xml"
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{escape(sentence)}</Message></Error></ErrorResponse>"
    else:
        kind = b"application/x-amz-json-1.1"
        body = json.dumps({"__type": code, "message": sentence})
    headers = [(b"content-type", kind), (b"x-amzn-errortype", code.encode())]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


def serve(port: int, state: Path) -> None:
    """Run the cloud until SIGTERM, SIGINT or its supervisor's end, then stop what it started and keep its state."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    registry.apply()
    load_stores()
    root = keys.load(state)
    identity.use_root(root.access_key_id, root.secret_access_key)
    sagemaker, saver, watch = SageMaker(state / "sagemaker", publish_endpoint_metrics), Saver(), Watch()
    settings = uvicorn.Config(
        FrontDoor(compose(sagemaker, saver), port),
        host="127.0.0.1",
        port=port,
        http=LimitedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        date_header=False,
        proxy_headers=False,  # no proxy is trusted
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,  # MiniStack sets the date
    )
    server = uvicorn.Server(settings)
    stopping = stop_signals()
    # uvicorn takes over the signals only in the main thread. It keeps answering while SageMaker stops, because
    # the last captured records still go to S3.
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    while not server.started and thread.is_alive():
        stopping.wait(0.01)
    if server.started:
        sagemaker.start()
        saver.start()
        delivery.resume()
        watch.start()
        instances.Cloud(port, os.getpid()).save(state)
        while not stopping.wait(1) and thread.is_alive():
            pass
        sagemaker.stop()
        watch.stop()
        saver.stop()
    server.should_exit = True
    thread.join()


def load_stores() -> None:
    """Read what S3, CloudWatch Logs and queues hold, and the events that are under way.

    Raises:
        LocalCloudError: It cannot be read.
    """
    stores = {
        "objects of S3": s3_store.load,
        "log events": log_events.open_store,
        "messages of queues": saved.load,
        "events under way": outbox.load,
    }
    for name, load in stores.items():
        try:
            load()
        except OSError as err:
            raise LocalCloudError(f"The {name} cannot be read: {err}. Make their files readable.") from err


def stop_signals() -> threading.Event:
    """Return the event that is set when this process is asked to stop, or its supervisor is gone."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())

    def watch_supervisor() -> None:
        sys.stdin.buffer.read()  # nothing is ever written: it returns when the supervisor ends
        stopping.set()

    threading.Thread(target=watch_supervisor, name="supervisor", daemon=True).start()
    return stopping


if __name__ == "__main__":
    # The environment is `environment.server_environment`.
    try:
        serve(int(os.environ["GATEWAY_PORT"]), Path(os.environ["STATE_DIR"]).parent)
    except LocalCloudError as err:
        sys.exit(f"error: {err}")
    supervisor.end_group()
