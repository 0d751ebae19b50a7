"""What the steps' unit tests work with in place of AWS: a context, its clients, and results of earlier steps."""

import io
import json
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from training.config import Stack
from training.console import PlainConsole
from training.context import Clients, Context
from training.results import Dataset, Deployment, Executions, RunResults, TrainedModel

REGION = "us-east-1"
ACCOUNT = "123456789012"  # moto's
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
EXPIRY_ROLE = f"arn:aws:iam::{ACCOUNT}:role/e"
STACK = Stack("s", REGION, "photos", ROLE, "s", "arn:machine", 0.93, EXPIRY_ROLE)
DATASET = Dataset("runs/s/dataset", "photos", ("bicycle", "motorcycle"), (3, 32, 32), 90, 10, 20, "f")
MODEL = TrainedModel("s-job", "s3://photos/models/s-job/model.tar.gz", "image", 0.95, 60.0, 2, "f")
DEPLOYMENT = Deployment("s", "s-config", 0.96, 20, 100)
EXECUTIONS = Executions(5, 4, 1, 0, "2026-01-01T00:00:00+00:00")
RESULTS = RunResults(DATASET, MODEL, DEPLOYMENT, EXECUTIONS)


def tags_of(stack: str, fingerprint: str) -> list[dict[str, str]]:
    """Return the tags of what a run of a stack makes from a dataset."""
    return [{"Key": "stack", "Value": stack}, {"Key": "dataset-fingerprint", "Value": fingerprint}]


OURS = tags_of("s", "f")
THEIRS = tags_of("s-2", "f")


class FakeSession(boto3.Session):
    """A session whose clients are those that it is given; sagemaker.core asks it too."""

    def __init__(self, clients: dict[str, Any]) -> None:
        super().__init__(region_name=REGION)
        self._fakes = clients

    def client(self, service_name: str, *_: Any, **__: Any) -> Any:
        return self._fakes.get(service_name.replace("-", "_"))


class FakeClients(Clients):
    """The clients that a test gives, by their names in `Clients`; every other one is None."""

    def __init__(self, **clients: Any) -> None:
        super().__init__(FakeSession(clients))
        self.__dict__.update(clients)


def make_context(directory: Path, stack: Stack = STACK, **clients: Any) -> Context:
    """Return a context whose console prints into a string, for `printed`."""
    return Context(stack, directory, PlainConsole(file=io.StringIO(), width=200), FakeClients(**clients))


def printed(context: Context) -> str:
    """Return what the steps have printed."""
    output: str = context.console.file.getvalue()  # type: ignore[attr-defined]
    return output


def refuse(target: Any, operation: str, *errors: ClientError) -> None:
    """Let the next calls of a fake's operation fail, one with each error."""
    real, left = getattr(target, operation), list(errors)

    def call(*arguments: Any, **request: Any) -> Any:
        if left:
            raise left.pop(0)
        return real(*arguments, **request)

    setattr(target, operation, call)


def client_error(code: str, message: str = "", operation: str = "Operation", status: int = 400) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, operation)


class Clock:
    """The module `time` with seconds that pass only while somebody sleeps; it ends a wait that nobody gives up."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 10_000, "nobody gives up waiting"

    def monotonic(self) -> float:
        return self.now


class Logs:
    """One log stream of `group`, two events a page; as on AWS the last page's token is the one that was sent."""

    def __init__(self, lines: list[str], stream: str = "job-1/algo-1-1", group: str = "/aws/sagemaker/TrainingJobs"):
        self.lines = lines
        self._stream = stream
        self._group = group

    def describe_log_streams(self, logGroupName: str, logStreamNamePrefix: str = "", **_: Any) -> dict[str, Any]:
        if logGroupName != self._group:
            raise client_error("ResourceNotFoundException")
        found = [self._stream] if self._stream.startswith(logStreamNamePrefix) else []
        return {"logStreams": [{"logStreamName": name} for name in found]}

    def get_log_events(self, nextToken: str = "0", **_: Any) -> dict[str, Any]:
        start = int(nextToken)
        page = self.lines[start : start + 2]
        return {"events": [{"message": line} for line in page], "nextForwardToken": str(start + len(page))}


class Bucket:
    """S3 with one bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str = "", StartAfter: str = "") -> list[dict[str, Any]]:
        keys = [key for key in self.objects if key.startswith(Prefix) and key > StartAfter]
        if Delimiter:
            folders = {Prefix + key.removeprefix(Prefix).split(Delimiter)[0] + Delimiter for key in keys}
            return [{"CommonPrefixes": [{"Prefix": folder} for folder in sorted(folders)]}]
        found = [{"Key": key, "Size": len(self.objects[key])} for key in keys]
        return [{"Contents": found}] if found else [{}]

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:
        self.objects[Key] = Body

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise client_error("NoSuchKey", "The specified key does not exist.", status=404)
        return {"Body": io.BytesIO(self.objects[Key])}


class Stacks:
    """CloudFormation with these stacks."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if StackName not in self.names:
            raise client_error("ValidationError", f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackName": StackName}]}


class Scheduler:
    """The schedules of an account, under their names, and the calls that change them."""

    def __init__(self) -> None:
        self.schedules: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []

    def create_schedule(self, **schedule: Any) -> None:
        assert schedule["Name"] not in self.schedules
        self.calls.append("create")
        self.schedules[schedule["Name"]] = schedule

    def update_schedule(self, **schedule: Any) -> None:
        self.get_schedule(schedule["Name"])
        self.calls.append("update")
        self.schedules[schedule["Name"]] = schedule

    def get_schedule(self, Name: str) -> dict[str, Any]:
        if Name not in self.schedules:
            raise client_error("ResourceNotFoundException", f"Schedule {Name} does not exist.", status=404)
        return self.schedules[Name]

    def delete_schedule(self, Name: str) -> None:
        self.get_schedule(Name)
        self.calls.append("delete")
        del self.schedules[Name]


class Runtime:
    """An endpoint that answers every image with the same probabilities."""

    def __init__(self, *probabilities: float) -> None:
        self._probabilities = probabilities
        self.requests: list[dict[str, Any]] = []

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return {"Body": io.BytesIO(json.dumps(self._probabilities).encode())}


class Quotas:
    """Service Quotas: the account's quotas of SageMaker and AWS's defaults, by name, two a page."""

    def __init__(self, applied: dict[str, float], defaults: dict[str, float] | None = None) -> None:
        self._listed = {"list_service_quotas": applied, "list_aws_default_service_quotas": defaults or {}}
        self.asked: list[str] = []  # the lists

    def get_paginator(self, operation: str) -> Any:
        return _Pages(lambda **request: self._pages(operation, **request))

    def _pages(self, operation: str, ServiceCode: str, **_: Any) -> list[dict[str, Any]]:
        assert ServiceCode == "sagemaker"
        self.asked.append(operation)
        quotas = [
            {"QuotaName": name, "QuotaCode": f"L-{number:08d}", "Value": value}
            for number, (name, value) in enumerate(self._listed[operation].items())
        ]
        return [{"Quotas": quotas[start : start + 2]} for start in range(0, len(quotas), 2)]


class _Pages:
    """A paginator."""

    def __init__(self, pages: Any) -> None:
        self.paginate = pages


class Sts:
    """The caller's identity."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def get_caller_identity(self) -> dict[str, Any]:
        return {"Arn": self._arn, "Account": ACCOUNT}


class Iam:
    """IAM's simulation: everything is allowed but some actions; of some others, the decision needs a condition's value.

    Its roles have a path.
    """

    def __init__(self, denied: tuple[str, ...] = (), undecided: tuple[str, ...] = ()) -> None:
        self._denied = denied
        self._undecided = undecided
        self.requests: list[dict[str, Any]] = []

    def get_role(self, RoleName: str) -> dict[str, Any]:
        return {"Role": {"Arn": f"arn:aws:iam::{ACCOUNT}:role/team/{RoleName}"}}

    def get_paginator(self, _: str) -> Any:
        return _Pages(self._simulate)

    def _simulate(self, ActionNames: list[str], ResourceArns: list[str], **request: Any) -> list[dict[str, Any]]:
        self.requests.append({**request, "ActionNames": ActionNames, "ResourceArns": ResourceArns})
        return [{"EvaluationResults": [self._decide(action, *ResourceArns) for action in ActionNames]}]

    def _decide(self, action: str, resource: str) -> dict[str, Any]:
        """Return a result in IAM's form: where a resource is given, the outer decision says nothing about it."""
        decision = "implicitDeny" if action in self._denied + self._undecided else "allowed"
        missing = ["aws:RequestTag/stack"] if action in self._undecided else []
        if resource == "*":
            return {"EvalActionName": action, "EvalDecision": decision, "MissingContextValues": missing}
        specific = {"EvalResourceName": resource, "EvalResourceDecision": decision, "MissingContextValues": missing}
        return {"EvalActionName": action, "EvalDecision": "explicitDeny", "ResourceSpecificResults": [specific]}
