"""Distributed Map through boto3: datasets in S3, batches, tolerance, result files, and Map Runs."""

import csv
import gzip
import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.iam import client_of_role, create_role
from tests.integration.support.names import NAME
from tests.integration.support.waiting import wait_for

READER, WRITER = "arn:aws:states:::s3:{}", "arn:aws:states:::s3:putObject"
GET, LIST = READER.format("getObject"), READER.format("listObjectsV2")
PASS = {"Type": "Pass", "End": True}
# Fails where an item says so.
CHECK = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.fail = true %}", "Next": "Fail"}]}
CHECKED = {"Check": {**CHECK, "Default": "Pass"}, "Fail": {"Type": "Fail", "Error": "Asked"}, "Pass": PASS}


@pytest.fixture(scope="module")
def client(aws: dict[str, str]) -> Any:
    return boto3.client("stepfunctions")


@pytest.fixture(scope="module")
def bucket(aws: dict[str, str]) -> str:
    name = f"{NAME}-map-runs"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def role(bucket: str) -> str:
    arns = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject", "s3:PutObject"], "Resource": arns},
        {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "*"},
    ]
    return create_role(f"{NAME}-map-runs", "states", *statements)


@pytest.fixture
def put(bucket: str) -> Callable[[str, bytes], None]:
    s3 = boto3.client("s3")
    return lambda key, body: s3.put_object(Bucket=bucket, Key=key, Body=body) and None


@pytest.fixture
def run(client: Any, role: str) -> Callable[..., Any]:
    """Return a function that runs one Map state and returns the description of its execution."""

    def execute(states: dict[str, Any], given: Any = None, *, as_role: str = role, **fields: Any) -> Any:
        processor = {"StartAt": next(iter(states)), "States": states}
        config = {"Mode": "DISTRIBUTED", "ExecutionType": fields.pop("kind", "EXPRESS")}
        state = {"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, **processor}, "End": True, **fields}
        definition = {"QueryLanguage": "JSONata", "StartAt": "Map", "States": {"Map": state}}
        name = f"{NAME}-{uuid.uuid4().hex[:8]}"
        machine = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=as_role)
        started = client.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(given or {}))
        return ended(client, started["executionArn"])

    return execute


def ended(client: Any, arn: str) -> Any:
    def described() -> Any:
        found = client.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    return wait_for(described, 60, pause=0.02)


def output(execution: Any) -> Any:
    assert execution["status"] == "SUCCEEDED", execution
    return json.loads(execution["output"])


@pytest.mark.aws("Step Functions", "Distributed Map: listObjectsV2, ItemSelector, ItemBatcher with BatchInput", "exact")
def test_listed_objects_are_batched(run: Callable[..., Any], put: Callable[[str, bytes], None], bucket: str) -> None:
    for number in range(5):
        put(f"listed/{number}.png", b"photo")
    execution = run(
        {"Pass": PASS},
        ItemReader={"Resource": LIST, "Arguments": {"Bucket": bucket, "Prefix": "listed/"}},
        ItemSelector="{% $states.context.Map.Item.Value.Key %}",
        ItemBatcher={"MaxItemsPerBatch": 2, "BatchInput": {"bucket": bucket}},
    )
    keys = [f"listed/{number}.png" for number in range(5)]
    batches = [keys[0:2], keys[2:4], keys[4:]]
    assert output(execution) == [{"BatchInput": {"bucket": bucket}, "Items": batch} for batch in batches]


@pytest.mark.aws("Step Functions", "Distributed Map: datasets in CSV, JSON, JSON Lines and an S3 inventory", "exact")
def test_datasets_of_each_kind(run: Callable[..., Any], put: Callable[[str, bytes], None], bucket: str) -> None:
    rows = io.StringIO(newline="")
    csv.writer(rows).writerows([[bucket, "a.png"], [bucket, "b.png"]])
    manifest = {"fileFormat": "CSV", "fileSchema": "Bucket, Key", "files": [{"key": "set/1.csv.gz"}]}
    put("set/1.csv.gz", gzip.compress(rows.getvalue().encode()))
    put("set/manifest.json", json.dumps(manifest).encode())
    put("set/items.csv", f"Bucket,Key\r\n{rows.getvalue()}".encode())
    put("set/items.jsonl", b"".join(f'{{"Bucket":"{bucket}","Key":"{key}"}}\n'.encode() for key in ("a.png", "b.png")))
    expected = [{"Bucket": bucket, "Key": key} for key in ("a.png", "b.png")]
    put("set/items.json", json.dumps({"of": expected}).encode())
    configs = {
        "manifest.json": {"InputType": "MANIFEST"},
        "items.csv": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
        "items.jsonl": {"InputType": "JSONL"},
        "items.json": {"InputType": "JSON", "ItemsPointer": "/of"},
    }
    for key, config in configs.items():
        reader = {"Resource": GET, "ReaderConfig": config, "Arguments": {"Bucket": bucket, "Key": f"set/{key}"}}
        assert output(run({"Pass": PASS}, ItemReader=reader)) == expected, key


@pytest.mark.aws(
    "Step Functions", "Distributed Map: failures up to ToleratedFailurePercentage, then an early stop", "exact"
)
def test_tolerated_failures(client: Any, run: Callable[..., Any]) -> None:
    items = [{"fail": number < 2} for number in range(10)]
    fields = {"Items": "{% $states.input %}", "MaxConcurrency": 1}
    assert run(CHECKED, items, ToleratedFailurePercentage=20, **fields)["status"] == "SUCCEEDED"
    failed = run(CHECKED, items, ToleratedFailurePercentage=10, **fields)
    assert failed["error"] == "States.ExceedToleratedFailureThreshold"
    (map_run,) = client.list_map_runs(executionArn=failed["executionArn"])["mapRuns"]
    described = client.describe_map_run(mapRunArn=map_run["mapRunArn"])
    counts = described["itemCounts"]
    assert (described["status"], counts["failed"], counts["pending"]) == ("FAILED", 2, 8)


@pytest.mark.aws("Step Functions", "Distributed Map: ResultWriter's manifest and files in S3", "exact")
def test_results_are_written_to_s3(run: Callable[..., Any], bucket: str) -> None:
    config = {"Transformation": "FLATTEN", "OutputType": "JSONL"}
    writer = {"Resource": WRITER, "WriterConfig": config, "Arguments": {"Bucket": bucket, "Prefix": "results"}}
    items = [{"n": 1}, {"n": 2}, {"fail": True}]
    fields = {"Items": "{% $states.input %}", "ToleratedFailureCount": 1, "MaxConcurrency": 1}
    answer = output(run(CHECKED, items, ResultWriter=writer, **fields))
    s3, key = boto3.client("s3"), answer["ResultWriterDetails"]["Key"]
    assert key == f"results/{answer['MapRunArn'].rsplit(':', 1)[-1]}/manifest.json"
    files = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["ResultFiles"]
    lines = {
        kind: [
            json.loads(line)
            for file in found
            for line in s3.get_object(Bucket=bucket, Key=file["Key"])["Body"].iter_lines()
        ]
        for kind, found in files.items()
    }
    assert lines["SUCCEEDED"] == [{"n": 1}, {"n": 2}]
    assert [(record["Status"], record["Error"]) for record in lines["FAILED"]] == [("FAILED", "Asked")]


@pytest.mark.aws(
    "Step Functions",
    "Distributed Map reads and writes S3, and starts children, as the state machine's role",
    "approximate",
    "a role that may not start children fails with States.Permissions; AWS's name for that is not documented",
)
@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ("s3:ListBucket", "States.ItemReaderFailed"),
        ("s3:PutObject", "States.ResultWriterFailed"),
        ("states:StartExecution", "States.Permissions"),
    ],
)
def test_the_role_needs_each_permission(run: Callable[..., Any], bucket: str, missing: str, error: str) -> None:
    actions = {"s3:ListBucket", "s3:PutObject", "states:StartExecution"} - {missing}
    statement = {"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
    role = create_role(f"{NAME}-{uuid.uuid4().hex[:8]}", "states", statement)
    reader = {"Resource": LIST, "Arguments": {"Bucket": bucket, "Prefix": "listed/"}}
    writer = {"Resource": WRITER, "Arguments": {"Bucket": bucket, "Prefix": "results"}}
    assert run({"Pass": PASS}, as_role=role, ItemReader=reader, ResultWriter=writer)["error"] == error


@pytest.mark.aws(
    "Step Functions", "Map Runs: children in ListExecutions with itemCount, DescribeExecution, history", "exact"
)
def test_children_are_listed_and_described(client: Any, run: Callable[..., Any]) -> None:
    execution = run({"Pass": PASS}, [1, 2, 3], kind="STANDARD", ItemBatcher={"MaxItemsPerBatch": 2}, Label="each")
    events = client.get_execution_history(executionArn=execution["executionArn"])["events"]
    assert [event["type"] for event in events][2:6] == [
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
    ]
    map_run = events[3]["mapRunStartedEventDetails"]["mapRunArn"]
    rows = client.list_executions(mapRunArn=map_run)["executions"]
    assert sorted(row["itemCount"] for row in rows) == [1, 2]
    child = client.describe_execution(executionArn=rows[0]["executionArn"])
    assert (child["status"], child["mapRunArn"], child["stateMachineArn"].rsplit("/")[-1]) == (
        "SUCCEEDED",
        map_run,
        "each",
    )
    types = [event["type"] for event in client.get_execution_history(executionArn=child["executionArn"])["events"]]
    assert types == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]


@pytest.mark.aws(
    "Step Functions",
    "UpdateMapRun moves MaxConcurrency; StopExecution ends the children",
    "approximate",
    "at most 200 children run at once here, 10,000 on AWS",
)
def test_limits_move_and_a_stop_reaches_the_children(client: Any, role: str) -> None:
    wait = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor = {"ProcessorConfig": config, "StartAt": "Wait", "States": wait}
    state = {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": 1, "End": True}
    definition = {"StartAt": "Map", "States": {"Map": state}}
    machine = client.create_state_machine(
        name=f"{NAME}-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=role
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input="[1, 2, 3, 4]")["executionArn"]

    def running(number: int) -> Any:
        runs = client.list_map_runs(executionArn=execution)["mapRuns"]
        found = client.describe_map_run(mapRunArn=runs[0]["mapRunArn"]) if runs else {}
        return found if found.get("executionCounts", {}).get("running") == number else None

    map_run = wait_for(lambda: running(1), 10, pause=0.02)["mapRunArn"]
    client.update_map_run(mapRunArn=map_run, maxConcurrency=3)
    wait_for(lambda: running(3), 10, pause=0.02)
    client.stop_execution(executionArn=execution)
    stopped = wait_for(lambda: running(0), 10, pause=0.02)
    assert (stopped["status"], stopped["executionCounts"]["aborted"]) == ("ABORTED", 3)
    with pytest.raises(ClientError, match="ValidationException"):
        client.update_map_run(mapRunArn=map_run, maxConcurrency=5)


@pytest.mark.aws("Step Functions", "an unknown Map Run is ResourceNotFound", "exact")
def test_an_unknown_map_run_is_not_found(client: Any) -> None:
    arn = "arn:aws:states:us-east-1:000000000000:mapRun:machine/label:none"
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_map_run(mapRunArn=arn)


@pytest.mark.aws(
    "Step Functions",
    "RedriveExecution goes on in the state that failed; a Map Run runs again what had not succeeded",
    "approximate",
    "children of a Map Run start anew here; on AWS those of type STANDARD go on where they failed",
)
def test_a_failed_execution_is_redriven(
    client: Any, run: Callable[..., Any], put: Callable[[str, bytes], None], bucket: str
) -> None:
    reader = {"Resource": GET, "ReaderConfig": {"InputType": "JSON"}}
    arguments = {"Bucket": bucket, "Key": f"late/{uuid.uuid4().hex}.json"}
    execution = run({"Pass": PASS}, ItemReader={**reader, "Arguments": arguments})
    assert (execution["error"], execution["redriveStatus"]) == ("States.ItemReaderFailed", "REDRIVABLE")
    put(arguments["Key"], b"[1, 2]")
    client.redrive_execution(executionArn=execution["executionArn"])
    again = ended(client, execution["executionArn"])
    assert (output(again), again["redriveCount"]) == ([1, 2], 1)
    types = [event["type"] for event in client.get_execution_history(executionArn=execution["executionArn"])["events"]]
    assert types[6:9] == ["ExecutionFailed", "ExecutionRedriven", "MapRunRedriven"]
    with pytest.raises(client.exceptions.ExecutionNotRedrivable):
        client.redrive_execution(executionArn=execution["executionArn"])


@pytest.mark.aws("IAM", "permission on a Map Run names it", "exact")
def test_a_map_run_needs_a_permission_of_its_own(client: Any, run: Callable[..., Any]) -> None:
    execution = run({"Pass": PASS}, [1])
    (map_run,) = client.list_map_runs(executionArn=execution["executionArn"])["mapRuns"]
    arn = map_run["mapRunArn"]
    actions = ["states:DescribeMapRun", "states:ListExecutions"]
    may = client_of_role("stepfunctions", {"Effect": "Allow", "Action": actions, "Resource": arn})
    assert may.describe_map_run(mapRunArn=arn)["status"] == "SUCCEEDED"
    assert len(may.list_executions(mapRunArn=arn)["executions"]) == 1
    with pytest.raises(ClientError, match="AccessDenied"):
        may.describe_map_run(mapRunArn=f"{arn}x")
