"""Records every request of this process at botocore's layer and answers it without a network.

botocore has built the request by then: its parameters have been validated, its URL is that of the region's endpoint,
and its signer has the region. Only the signature and the socket are missing.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import botocore.handlers
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.model import OperationModel

Answer = Callable[[str, str, dict[str, Any]], dict[str, Any]]  # of a service, an operation and its parameters

# What differs from run to run, or from photo to photo.
VARYING = (
    (re.compile(r"\b\d{8}-\d{6}(-[0-9a-f]{4})?\b"), "<time>"),
    (re.compile(r"(?<=date=)\d{4}-\d\d-\d\d"), "<date>"),
    (re.compile(r"\b\d{4}/\d\d/\d\d/\d\d(/\d\d-\d\d)?\b"), "<hour>"),
    (re.compile(r"(?<=/)[^/\"]+\.png\b"), "<photo>"),
    (re.compile(r"(?<=/)[^/\"]+\.py\b"), "<module>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<token>"),
    (re.compile(r"\bat\([0-9T:-]+\)"), "at(<time>)"),
    (re.compile(r"\b[0-9a-f]{16}([0-9a-f]{16}|[0-9a-f]{24}|[0-9a-f]{48})?\b"), "<digest>"),
)


@dataclass(frozen=True)
class Request:
    """A request that was about to be sent."""

    service: str  # botocore's name of it
    operation: str
    parameters: dict[str, Any]
    host: str
    region: str  # that it would be signed for
    model: OperationModel
    step: str = ""  # that it belongs to

    def lines(self) -> list[str]:
        """Return a readable text: the operation, and each parameter on a line of its own, in alphabetical order."""
        parameters = sorted(f"    {path} = {stable(value)}" for path, value in flat(self.parameters))
        return [f"{self.service}.{self.operation}  {self.host}", *parameters]


class Recorder:
    """The requests of this process since `install`, in their order.

    Example:
        recorder = Recorder(answer)
        recorder.install(monkeypatch)
        boto3.client("s3").list_buckets()
        assert recorder.requests[0].operation == "ListBuckets"
    """

    def __init__(self, answer: Answer) -> None:
        self.requests: list[Request] = []
        self.step = ""  # of the requests to come
        self._answer = answer
        self._lock = threading.Lock()  # the steps send from several threads

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Record what the clients of all sessions send that are made from now on."""
        handlers = [
            *botocore.handlers.BUILTIN_HANDLERS,
            ("before-parameter-build", self._note_parameters),
            ("before-call", self._record),
        ]
        monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)

    def _note_parameters(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["parameters"] = dict(params)

    def _record(
        self, model: OperationModel, params: dict[str, Any], request_signer: Any, context: dict[str, Any], **_: Any
    ) -> tuple[AWSResponse, dict[str, Any]]:
        service, parameters = model.service_model.service_name, context["parameters"]
        host = urlsplit(params["url"]).netloc
        self.add(Request(service, model.name, parameters, host, request_signer.region_name, model))
        with self._lock:
            answer = self._answer(service, model.name, parameters)
        status = 400 if "Error" in answer else 200
        metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
        return AWSResponse(params["url"], status, HTTPHeaders(), None), {"ResponseMetadata": metadata, **answer}

    def add(self, request: Request) -> None:
        with self._lock:
            self.requests.append(replace(request, step=self.step))


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested parameters: the path, such as `Tags[0].Key`, and the value as text."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from flat(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple) and value:
        for number, item in enumerate(value):
            yield from flat(item, f"{path}[{number}]")
    elif isinstance(value, datetime):
        yield path, "<moment>"
    elif isinstance(value, str | bool | int | float | dict | list):
        yield path, value if isinstance(value, str) else json.dumps(value)
    else:
        yield path, "<bytes>"


def stable(text: str) -> str:
    """Replace what differs from run to run."""
    for pattern, name in VARYING:
        text = pattern.sub(name, text)
    return text


def report(requests: list[Request]) -> str:
    """Return the text of the requests, step by step in their order; equal ones that follow each other are written once.

    Requests of one operation are sorted where they follow each other: threads send them in any order.
    """
    blocks: list[str] = []
    for step, of_step in groupby(requests, key=lambda request: request.step):
        blocks.append(f"\n# {step}\n")
        for _, group in groupby(of_step, key=lambda request: (request.service, request.operation)):
            blocks += sorted({"\n".join(request.lines()) for request in group})
    return "\n".join(block for block, _ in groupby(blocks)).lstrip() + "\n"
