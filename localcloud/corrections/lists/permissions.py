"""Permissions: what IAM judges, and which roles may be given."""

from localcloud.corrections import authorization, managed_policies, roles, simulation
from localcloud.corrections.correction import Correction

LAMBDA = "ministack.services.lambda_svc"
LAMBDA_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"
STACK_ROLE = "ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::IAM::Role]"
IAM_REFERENCE = "https://docs.aws.amazon.com/IAM/latest/APIReference"

CORRECTIONS = (
    Correction(
        "judged-action",
        target="ministack.core.iam_actions:extract_iam_action",
        digest="ec476b92d969",
        replace=authorization.judge_by_the_action_done,
        aws="Asks for permission to do what is done; MiniStack asks for what a header or body names, and for nothing "
        "where it finds no action.",
        link="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html",
    ),
    Correction(
        "judged-parameters",
        target="ministack.app:_routing_params",
        digest="00e89d22c926",
        replace=authorization.judge_by_the_query,
        aws="Reads no parameters from an object; MiniStack does when its content type is that of a form.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html",
    ),
    Correction(
        "judged-resource",
        target="ministack.core.iam_actions:extract_resource_arn",
        digest="82f51700695c",
        replace=authorization.judge_by_the_resource,
        aws="Asks for permission on the version or alias that is named; MiniStack on the function.",
        link=f"{LAMBDA_GUIDE}/lambda-api-permissions-ref.html",
    ),
    Correction(
        "policy-simulation",
        target="ministack.services.iam:_IAM_HANDLERS[SimulatePrincipalPolicy]",
        digest="8dbfeffbf145",
        replace=simulation.answer_by_the_evaluator,
        aws="Decides on each resource, with the given conditions and the boundary; refuses what is no user or role. "
        "MiniStack looks at the first resource alone and answers implicitDeny for whoever it does not know.",
        link="https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
    ),
    Correction(
        "policy-simulation-of-documents",
        target="ministack.services.iam:_IAM_HANDLERS[SimulateCustomPolicy]",
        digest="8e74157af0d6",
        replace=simulation.answer_custom_by_the_evaluator,
        aws="Decides on each resource, with the given conditions and the boundary; MiniStack on the first resource "
        "alone, without conditions and boundary.",
        link=f"{IAM_REFERENCE}/API_SimulateCustomPolicy.html",
    ),
    Correction(
        "managed-policies",
        target="ministack.services.iam:_seed_aws_managed_policies",
        digest="4992803c5980",
        replace=managed_policies.seed_real_content,
        aws="Has some 1,600 managed policies; MiniStack has 34, and not SageMaker's.",
        link="https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html",
    ),
    Correction(
        "managed-policies-exist",
        target="ministack.services.iam:handle_request",
        digest="97093e1a35f9",
        replace=managed_policies.refuse_absent_policies,
        aws="Attaches no policy that does not exist; MiniStack attaches every name.",
        link=f"{IAM_REFERENCE}/API_AttachRolePolicy.html",
    ),
    Correction(
        "stack-creates-role",
        target=f"{STACK_ROLE}[create]",
        digest="2d7e3d8ec507",
        replace=managed_policies.create_with_known_policies,
        aws="Fails to create a role with a policy that does not exist, and gives a role its permissions boundary; "
        "MiniStack does neither.",
        link="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html",
    ),
    Correction(
        "stack-updates-role",
        target=f"{STACK_ROLE}[update]",
        digest="4f4039080dc1",
        replace=managed_policies.update_with_known_policies,
        aws="The same for changes.",
        link="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html",
    ),
    Correction(
        "function-role",
        target=f"{LAMBDA}:_create_function",
        digest="e307eecdf0d8",
        replace=roles.create_function,
        aws="Refuses a role that the caller may not pass or Lambda may not assume; MiniStack asks only that it exists.",
        link=f"{LAMBDA_GUIDE}/lambda-intro-execution-role.html",
    ),
    Correction(
        "function-role-update",
        target=f"{LAMBDA}:_update_config",
        digest="6999cb0695da",
        replace=roles.update_function,
        aws="Refuses a role that the caller may not pass or Lambda may not assume; MiniStack asks only that it exists.",
        link=f"{LAMBDA_GUIDE}/lambda-intro-execution-role.html",
    ),
)
