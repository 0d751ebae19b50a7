"""A function or a state machine gets no role that does not trust its service, from the API or from a stack."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.integration.support.functions import create_function
from tests.integration.support.iam import create_role

NAME = f"it-{uuid.uuid4().hex[:8]}"
CODE = "def lambda_handler(event, context): return event"
DEFINITION = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})
REFUSED_BY_LAMBDA = r"InvalidParameterValueException.*The role defined for the function cannot be assumed by Lambda\."
REFUSED_BY_STEP_FUNCTIONS = (
    r"AccessDeniedException.*Neither the global service principal states\.amazonaws\.com, nor the regional one is "
    r"authorized to assume the provided role\."
)


@pytest.fixture(scope="module")
def stranger(aws: dict[str, str]) -> str:
    """A role that trusts neither service."""
    return create_role(f"{NAME}-stranger", "ec2")


@pytest.mark.correction(name="function-role")
@pytest.mark.aws("IAM", "a function's role must trust Lambda", "exact")
def test_a_function_is_not_created_with_a_role_that_does_not_trust_lambda(stranger: str) -> None:
    with pytest.raises(ClientError, match=REFUSED_BY_LAMBDA):
        create_function(f"{NAME}-refused", stranger, CODE)


@pytest.mark.correction(name="function-role-update")
@pytest.mark.aws("IAM", "a function's role must trust Lambda", "exact")
def test_a_function_is_not_given_a_role_that_does_not_trust_lambda(stranger: str) -> None:
    create_function(f"{NAME}-function", create_role(f"{NAME}-function", "lambda"), CODE)
    with pytest.raises(ClientError, match=REFUSED_BY_LAMBDA):
        boto3.client("lambda").update_function_configuration(FunctionName=f"{NAME}-function", Role=stranger)


@pytest.mark.correction(name="machine-role")
@pytest.mark.aws("IAM", "a state machine's role must trust Step Functions", "exact")
def test_a_machine_is_not_created_with_a_role_that_does_not_trust_step_functions(stranger: str) -> None:
    with pytest.raises(ClientError, match=REFUSED_BY_STEP_FUNCTIONS):
        boto3.client("stepfunctions").create_state_machine(name=NAME, definition=DEFINITION, roleArn=stranger)


@pytest.mark.correction(name="machine-role-update")
@pytest.mark.aws("IAM", "a state machine's role must trust Step Functions", "exact")
def test_a_machine_is_not_given_a_role_that_does_not_trust_step_functions(stranger: str) -> None:
    client = boto3.client("stepfunctions")
    role = create_role(f"{NAME}-machine", "states.us-east-1")  # the regional principal counts as well
    machine = client.create_state_machine(name=f"{NAME}-machine", definition=DEFINITION, roleArn=role)
    with pytest.raises(ClientError, match=REFUSED_BY_STEP_FUNCTIONS):
        client.update_state_machine(stateMachineArn=machine["stateMachineArn"], roleArn=stranger)


@pytest.fixture
def status_reason(aws: dict[str, str], stranger: str) -> Iterator[Callable[[str, dict[str, Any]], str]]:
    """Yield a function that creates a stack with one resource and returns why the resource failed, "" if it did not."""
    client, stack = boto3.client("cloudformation"), f"{NAME}-{uuid.uuid4().hex[:8]}"

    def reason(kind: str, properties: dict[str, Any]) -> str:
        template = {"Resources": {"one": {"Type": kind, "Properties": properties}}}
        client.create_stack(StackName=stack, TemplateBody=json.dumps(template))
        try:
            client.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        except WaiterError:
            events = client.describe_stack_events(StackName=stack)["StackEvents"]
            reasons = [
                event["ResourceStatusReason"]
                for event in events
                if event["LogicalResourceId"] == "one" and event["ResourceStatus"] == "CREATE_FAILED"
            ]
            return reasons[0]
        return ""

    yield reason
    client.delete_stack(StackName=stack)


@pytest.mark.correction(name="stack-creates-function")
def test_a_stack_s_function_needs_a_role_that_trusts_lambda(
    status_reason: Callable[[str, dict[str, Any]], str], stranger: str
) -> None:
    code = {"ZipFile": CODE}
    properties = {"Runtime": "python3.13", "Handler": "index.lambda_handler", "Code": code, "Role": stranger}
    assert "cannot be assumed by Lambda" in status_reason("AWS::Lambda::Function", properties)


@pytest.mark.correction(name="machine-role-of-stack")
def test_a_stack_s_machine_needs_a_role_that_trusts_step_functions(
    status_reason: Callable[[str, dict[str, Any]], str], stranger: str
) -> None:
    properties = {"DefinitionString": DEFINITION, "RoleArn": stranger}
    assert "authorized to assume" in status_reason("AWS::StepFunctions::StateMachine", properties)
