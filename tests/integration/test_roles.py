"""A function or a state machine gets no role that its service may not assume, or that the caller may not pass.

The API refuses it, and so does a stack.
"""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.functions import create_function, package
from tests.integration.support.iam import client_of_role, create_role, policy_document
from tests.integration.support.stacks import status_reason

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


@pytest.mark.aws("IAM", "a state machine's role must trust Step Functions", "exact")
def test_a_machine_is_not_created_with_a_role_that_does_not_trust_step_functions(stranger: str) -> None:
    with pytest.raises(ClientError, match=REFUSED_BY_STEP_FUNCTIONS):
        boto3.client("stepfunctions").create_state_machine(name=NAME, definition=DEFINITION, roleArn=stranger)


@pytest.mark.aws("IAM", "a state machine's role must trust Step Functions", "exact")
def test_a_machine_is_not_given_a_role_that_does_not_trust_step_functions(stranger: str) -> None:
    client = boto3.client("stepfunctions")
    role = create_role(f"{NAME}-machine", "states.us-east-1")  # the regional principal counts as well
    machine = client.create_state_machine(name=f"{NAME}-machine", definition=DEFINITION, roleArn=role)
    with pytest.raises(ClientError, match=REFUSED_BY_STEP_FUNCTIONS):
        client.update_state_machine(stateMachineArn=machine["stateMachineArn"], roleArn=stranger)


# Stacks ----------------------------------------------------------------------------------------------------------


def function_properties(role: str) -> dict[str, Any]:
    return {"Runtime": "python3.13", "Handler": "index.lambda_handler", "Code": {"ZipFile": CODE}, "Role": role}


@pytest.mark.correction(name="stack-creates-function")
def test_a_stack_s_function_needs_a_role_that_trusts_lambda(stranger: str) -> None:
    reason = status_reason(boto3.client("cloudformation"), "AWS::Lambda::Function", function_properties(stranger))
    assert "cannot be assumed by Lambda" in reason


def test_a_stack_s_machine_needs_a_role_that_trusts_step_functions(stranger: str) -> None:
    properties = {"DefinitionString": DEFINITION, "RoleArn": stranger}
    reason = status_reason(boto3.client("cloudformation"), "AWS::StepFunctions::StateMachine", properties)
    assert "authorized to assume" in reason


# Passing ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def passable(aws: dict[str, str]) -> str:
    """A role that trusts both services, so that only the permission to pass it can be missing."""
    role = create_role(f"{NAME}-passable", "lambda")
    both = {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
    trust = policy_document({"Effect": "Allow", "Principal": both, "Action": "sts:AssumeRole"})
    boto3.client("iam").update_assume_role_policy(RoleName=f"{NAME}-passable", PolicyDocument=trust)
    return role


def allow(action: str, resource: str = "*", **members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **members}


def pass_to(service: str, role: str) -> dict[str, Any]:
    return allow("iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}})


def not_allowed(role: str) -> str:
    """Return what matches AWS's refusal to pass a role."""
    sentence = f"is not authorized to perform: iam:PassRole on resource: {role} because no identity-based policy allows"
    return f"AccessDeniedException.*{sentence} the iam:PassRole action"


@pytest.mark.aws("IAM", "iam:PassRole on the role of a function, with iam:PassedToService", "exact")
def test_a_function_s_role_must_be_passed(passable: str) -> None:
    name = f"{NAME}-passed"
    request: Any = {"Runtime": "python3.13", "Handler": "app.lambda_handler", "Code": {"ZipFile": package(CODE)}}
    client = client_of_role("lambda", allow("lambda:*"), pass_to("states", passable))
    with pytest.raises(ClientError, match=not_allowed(passable)) as caught:
        client.create_function(FunctionName=name, Role=passable, **request)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    may = client_of_role("lambda", allow("lambda:*"), pass_to("lambda", passable))
    may.create_function(FunctionName=name, Role=passable, **request)
    with pytest.raises(ClientError, match=not_allowed(passable)):
        client.update_function_configuration(FunctionName=name, Role=passable)
    assert client.update_function_configuration(FunctionName=name, Timeout=5)["Timeout"] == 5


@pytest.mark.aws("IAM", "iam:PassRole on the role of a state machine, with iam:PassedToService", "exact")
def test_a_machine_s_role_must_be_passed(passable: str) -> None:
    request = {"name": f"{NAME}-passed", "definition": DEFINITION, "roleArn": passable}
    client = client_of_role("stepfunctions", allow("states:*"), pass_to("lambda", passable))
    with pytest.raises(ClientError, match=not_allowed(passable)) as caught:
        client.create_state_machine(**request)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    may = client_of_role("stepfunctions", allow("states:*"), pass_to("states", passable))
    machine = may.create_state_machine(**request)["stateMachineArn"]
    with pytest.raises(ClientError, match=not_allowed(passable)):
        client.update_state_machine(stateMachineArn=machine, roleArn=passable)
    client.update_state_machine(stateMachineArn=machine, definition=DEFINITION)


@pytest.mark.aws(
    "CloudFormation and SAM CLI",
    "iam:PassRole on the roles of a stack's functions and state machines",
    "approximate",
    "asked of the caller of the stack operation: a service role (RoleARN) is ignored",
)
def test_a_stack_passes_roles_for_its_caller(passable: str) -> None:
    allowed = allow("cloudformation:*"), allow("lambda:*"), allow("states:*")
    client = client_of_role("cloudformation", *allowed)
    sentence = f"iam:PassRole on resource: {passable}"
    assert sentence in status_reason(client, "AWS::Lambda::Function", function_properties(passable))
    properties = {"DefinitionString": DEFINITION, "RoleArn": passable}
    assert sentence in status_reason(client, "AWS::StepFunctions::StateMachine", properties)
    may = client_of_role("cloudformation", *allowed, pass_to("states", passable))
    assert status_reason(may, "AWS::StepFunctions::StateMachine", properties) == ""
