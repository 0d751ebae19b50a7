"""Every request of a run is one that AWS takes: in three partitions and with each algorithm, without a network.

The requests of the first region are compared with the files beside this one, one for each algorithm. After a change
that is meant, write them again and review the difference:

    python -m pytest tests/unit/training/requests --write-requests
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker.validation import Shape, violations
from tests.unit.training.requests.actions import actions_of
from tests.unit.training.requests.aws import ACCOUNT, NAME
from tests.unit.training.requests.policies import NOT_IN_EVERY_RUN, POLICIES_OF, STEPS_POLICIES, actions
from tests.unit.training.requests.recorder import Request, flat, report
from tests.unit.training.requests.recording import ALGORITHMS, REGIONS, Run, record

HERE = Path(__file__).parent
FIRST = next(iter(REGIONS))
CASES = [(region, name) for region in REGIONS for name in ALGORITHMS if name != "image" or region == FIRST]
WRITTEN = {"own": None, "image": {"train", "deploy"}, "builtin": {"train", "deploy"}}  # all steps, or what differs
# Hosts without a region: S3's in the region that it began in, and IAM's of a partition.
GLOBAL_S3 = {"s3.amazonaws.com", f"{NAME}-{ACCOUNT}-{FIRST}.s3.amazonaws.com"}
GLOBAL_IAM = {"aws": "iam.amazonaws.com", "aws-us-gov": "iam.us-gov.amazonaws.com"}
IMAGE = re.compile(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.([a-z.]+)/")


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    region, algorithm = request.param
    return record(region, algorithm, tmp_path_factory.mktemp("run"))


def test_what_a_run_asks_for_is_what_the_file_says(recorded: Run, pytestconfig: pytest.Config) -> None:
    path = HERE / f"{recorded.algorithm}.txt"
    if recorded.region == FIRST and pytestconfig.getoption("--write-requests"):
        path.write_text(report(written(recorded)))
    assert in_the_first_region(recorded) == IMAGE.sub("<registry>/", path.read_text())


def written(recorded: Run) -> list[Request]:
    """Return the requests that the algorithm's file has."""
    steps = WRITTEN[recorded.algorithm]
    return [request for request in recorded.requests if steps is None or request.step in steps]


def in_the_first_region(recorded: Run) -> str:
    """Return the text of the requests with the first region's names; only the registries of images differ then."""
    text = IMAGE.sub("<registry>/", report(written(recorded)))
    partition, suffix = REGIONS[FIRST]
    text = text.replace(recorded.suffix, suffix).replace(f"arn:{recorded.partition}:", f"arn:{partition}:")
    text = text.replace(recorded.region, FIRST).replace(f"s3.{FIRST}.{suffix}", f"s3.{suffix}")
    return re.sub(r"\biam\.us-[a-z0-9-]+\.", "iam.", text)


def test_every_parameter_is_one_that_aws_s_models_allow(recorded: Run) -> None:
    """botocore checks types and required members only; this checks lengths, ranges, patterns and enumerations too."""
    wrong = [
        f"{request.service}.{request.operation}: {sentence}"
        for request in recorded.requests
        for sentence in violations(plain(known_partition(request)), input_shape(request), "")
    ]
    assert wrong == []


def known_partition(request: Request) -> dict[str, Any]:
    """Return the parameters; for the Scheduler in a partition that the pattern of its role's ARN knows.

    It takes arn:aws(-[a-z]+)?, which aws-us-gov does not match, although the SDK has the Scheduler's endpoints there.
    """
    if request.service != "scheduler":
        return request.parameters
    known: dict[str, Any] = json.loads(json.dumps(request.parameters).replace("arn:aws-us-gov:", "arn:aws-gov:"))
    return known


def input_shape(request: Request) -> Shape:
    shape = request.model.input_shape
    assert shape is not None
    return shape


def plain(value: Any) -> Any:
    """Return parameters in the types that they are sent in: seconds for a moment, bytes for a file."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.timestamp()
    return value if isinstance(value, str | bool | int | float) else b""


def test_every_request_goes_to_the_region_s_own_endpoint(recorded: Run) -> None:
    regional = re.compile(rf".*\.{recorded.region}\.{re.escape(recorded.suffix)}")
    hosts = {request.host for request in recorded.requests if not regional.fullmatch(request.host)}
    allowed = {GLOBAL_IAM.get(recorded.partition)} | (GLOBAL_S3 if recorded.region == FIRST else set())
    assert hosts <= allowed
    assert {request.region for request in recorded.requests} == {recorded.region}


def test_every_arn_is_of_the_partition_and_the_account(recorded: Run) -> None:
    arns = [value for value in texts(recorded) if value.startswith("arn:")]
    assert arns
    for arn in arns:
        _, partition, _, region, account, resource = arn.split(":", 5)
        assert partition == recorded.partition
        assert region in (recorded.region, "")
        assert account == ("" if resource.startswith("aws-sdk:") else ACCOUNT)  # the Scheduler's universal target


def test_every_image_comes_from_a_registry_of_the_region(recorded: Run) -> None:
    images = [value for value in texts(recorded) if ".dkr.ecr." in value]
    assert images
    for image in images:
        found = IMAGE.search(image)  # in the input of a schedule, too
        assert found
        assert found.groups() == (recorded.region, recorded.suffix)


def texts(recorded: Run) -> Iterator[str]:
    """Yield every value of every parameter."""
    for request in recorded.requests:
        yield from (value for _, value in flat(request.parameters))


def test_every_name_is_the_stack_s_or_the_endpoint_s(recorded: Run) -> None:
    """Policies and cleanup find what a run made by these names."""
    made = [request for request in recorded.requests if request.operation.startswith(("Create", "Start"))]
    assert len(made) >= 4
    for request in made:
        for member in ("TrainingJobName", "ModelName", "EndpointConfigName", "EndpointName"):
            assert request.parameters.get(member, NAME).startswith(NAME)


@pytest.mark.parametrize("recorded", [(FIRST, "own")], indirect=True, ids="-".join)
def test_the_steps_need_every_action_of_their_policies_and_no_other(recorded: Run) -> None:
    needed: dict[str, set[str]] = {}
    for request in recorded.requests:
        of_step = needed.setdefault(request.step, set())
        of_step |= actions_of(request.service, request.operation, request.parameters)
    for step, policies in POLICIES_OF.items():
        assert needed[step] - set().union(*map(actions, policies)) == set(), step
    given = set().union(*map(actions, STEPS_POLICIES))
    assert given == set().union(*needed.values(), NOT_IN_EVERY_RUN)
