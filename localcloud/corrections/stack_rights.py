"""What CloudFormation needs of whoever sent the request, to create, change or delete a resource of each type.

The actions are those that AWS's registry names for the handlers of a resource type (`aws cloudformation describe-type
--type RESOURCE --type-name AWS::IAM::Role`), less those of properties that a resource does not have. Types that are not
in the table are not checked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from localcloud import identity
from localcloud.identity import Permission

Properties = dict[str, Any]


@dataclass(frozen=True)
class Rights:
    """The actions of a type's handlers."""

    arn: str  # of the resource: {account}, {region} and {name} are filled in
    name: str  # the property that has the resource's name; without it CloudFormation makes one up
    create: tuple[str, ...]
    delete: tuple[str, ...]
    update: tuple[str, ...] = ()  # whatever changes
    properties: dict[str, str] = field(default_factory=dict)  # what sets a property of a new or an old resource
    changes: dict[str, str] = field(default_factory=dict)  # what changes a property of an old resource only
    removals: dict[str, str] = field(default_factory=dict)  # what removes a property, or an entry of its list
    emptied: bool = False  # the resource is deleted after its properties of `removals`
    others: Callable[[Properties], Iterator[Permission]] = lambda props: iter(())  # on other resources, but to delete
    new_arn: Callable[[Properties], str] | None = None  # of a new resource whose properties do not name it alone


def role_and_code_of_function(props: Properties) -> Iterator[Permission]:
    """Yield what Lambda asks for a function's role, and for its code in S3."""
    yield identity.pass_role(str(props.get("Role")), "lambda.amazonaws.com")
    if "S3Bucket" in (code := props.get("Code", {})):
        yield Permission("s3:GetObject", f"arn:aws:s3:::{code['S3Bucket']}/{code['S3Key']}")


def role_and_definition_of_state_machine(props: Properties) -> Iterator[Permission]:
    """Yield what Step Functions asks for a state machine's role, and CloudFormation for its definition in S3."""
    yield identity.pass_role(str(props.get("RoleArn")), "states.amazonaws.com")
    if location := props.get("DefinitionS3Location"):
        yield Permission("s3:GetObject", f"arn:aws:s3:::{location['Bucket']}/{location['Key']}")


def roles_of_targets(props: Properties) -> Iterator[Permission]:
    """Yield what EventBridge asks for the roles of a rule's targets."""
    for target in props.get("Targets") or []:
        if role_arn := target.get("RoleArn"):
            yield identity.pass_role(str(role_arn), "events.amazonaws.com")


def policies_of_queues(props: Properties) -> Iterator[Permission]:
    """Yield what SQS asks for the queues that a policy is of, by their URLs."""
    for url in props.get("Queues") or []:
        queue = f"arn:aws:sqs:{identity.region()}:{identity.account_id()}:{str(url).rpartition('/')[2]}"
        yield Permission("sqs:SetQueueAttributes", queue)


def policies_of_topics(props: Properties) -> Iterator[Permission]:
    """Yield what SNS asks for the topics that a policy is of."""
    yield from (Permission("sns:SetTopicAttributes", str(topic)) for topic in props.get("Topics") or [])


def alias_of_state_machine(props: Properties) -> str:
    """Return the ARN that an alias will have, which follows from the versions that it leads to."""
    routes = [props.get("DeploymentPreference") or {}, *(props.get("RoutingConfiguration") or [])]
    version = next((str(one["StateMachineVersionArn"]) for one in routes if "StateMachineVersionArn" in one), "*:*")
    return f"{version.rpartition(':')[0]}:{props.get('Name', '*')}"


def find_log_groups(props: Properties) -> Iterator[Permission]:
    yield Permission("logs:DescribeLogGroups")


READ_POLICIES = ("iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies")
RIGHTS = {
    "AWS::S3::Bucket": Rights(
        arn="arn:aws:s3:::{name}",
        name="BucketName",
        create=("s3:CreateBucket", "s3:PutBucketTagging"),  # CloudFormation's own tags
        delete=("s3:DeleteBucket",),
        properties={
            "BucketEncryption": "s3:PutEncryptionConfiguration",
            "LifecycleConfiguration": "s3:PutLifecycleConfiguration",
            "LoggingConfiguration": "s3:PutBucketLogging",
            "NotificationConfiguration": "s3:PutBucketNotification",
            "OwnershipControls": "s3:PutBucketOwnershipControls",
            "PublicAccessBlockConfiguration": "s3:PutBucketPublicAccessBlock",
            "VersioningConfiguration": "s3:PutBucketVersioning",
        },
    ),
    "AWS::S3::BucketPolicy": Rights(
        arn="arn:aws:s3:::{name}",
        name="Bucket",
        create=("s3:GetBucketPolicy", "s3:PutBucketPolicy"),
        update=("s3:GetBucketPolicy", "s3:PutBucketPolicy"),
        delete=("s3:GetBucketPolicy", "s3:DeleteBucketPolicy"),
    ),
    "AWS::IAM::Role": Rights(
        arn="arn:aws:iam::{account}:role/{name}",
        name="RoleName",
        create=("iam:CreateRole", "iam:GetRolePolicy", *READ_POLICIES),
        delete=("iam:DeleteRole", *READ_POLICIES),
        properties={
            "ManagedPolicyArns": "iam:AttachRolePolicy",
            "Policies": "iam:PutRolePolicy",
            "Tags": "iam:TagRole",
        },
        changes={"AssumeRolePolicyDocument": "iam:UpdateAssumeRolePolicy"},
        removals={"ManagedPolicyArns": "iam:DetachRolePolicy", "Policies": "iam:DeleteRolePolicy"},
        emptied=True,
    ),
    "AWS::Lambda::Function": Rights(
        arn="arn:aws:lambda:{region}:{account}:function:{name}",
        name="FunctionName",
        create=("lambda:CreateFunction", "lambda:GetFunction", "lambda:TagResource"),
        delete=("lambda:DeleteFunction", "lambda:GetFunction"),
        update=("lambda:GetFunction", "lambda:ListTags", "lambda:UpdateFunctionConfiguration"),
        properties={"ReservedConcurrentExecutions": "lambda:PutFunctionConcurrency"},
        changes={"Code": "lambda:UpdateFunctionCode"},
        removals={"ReservedConcurrentExecutions": "lambda:DeleteFunctionConcurrency"},
        others=role_and_code_of_function,
    ),
    "AWS::Logs::LogGroup": Rights(
        arn="arn:aws:logs:{region}:{account}:log-group:{name}",
        name="LogGroupName",
        create=("logs:CreateLogGroup", "logs:ListTagsForResource", "logs:TagResource"),
        delete=("logs:DeleteLogGroup",),
        properties={"RetentionInDays": "logs:PutRetentionPolicy"},
        others=find_log_groups,
    ),
    "AWS::StepFunctions::StateMachine": Rights(
        arn="arn:aws:states:{region}:{account}:stateMachine:{name}",
        name="StateMachineName",
        create=(
            "states:CreateStateMachine",
            "states:DescribeStateMachine",
            "states:ListTagsForResource",
            "states:TagResource",
        ),
        delete=("states:DeleteStateMachine", "states:DescribeStateMachine"),
        update=("states:ListTagsForResource", "states:UpdateStateMachine"),
        others=role_and_definition_of_state_machine,
    ),
    "AWS::Events::Rule": Rights(
        arn="arn:aws:events:{region}:{account}:rule/{name}",
        name="Name",
        create=("events:DescribeRule", "events:PutRule"),
        delete=("events:DeleteRule", "events:DescribeRule", "events:ListTargetsByRule"),
        update=("events:DescribeRule", "events:ListTargetsByRule", "events:PutRule"),
        properties={"Tags": "events:TagResource", "Targets": "events:PutTargets"},
        removals={"Targets": "events:RemoveTargets"},
        emptied=True,
        others=roles_of_targets,
    ),
    "AWS::SQS::Queue": Rights(
        arn="arn:aws:sqs:{region}:{account}:{name}",
        name="QueueName",
        create=("sqs:CreateQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags", "sqs:TagQueue"),
        delete=("sqs:DeleteQueue", "sqs:GetQueueAttributes"),
        update=("sqs:GetQueueAttributes", "sqs:ListQueueTags", "sqs:SetQueueAttributes"),
    ),
    "AWS::SQS::QueuePolicy": Rights(arn="*", name="", create=(), delete=(), others=policies_of_queues),
    "AWS::Lambda::EventSourceMapping": Rights(
        arn="arn:aws:lambda:{region}:{account}:event-source-mapping:{name}",
        name="",
        create=("lambda:CreateEventSourceMapping", "lambda:GetEventSourceMapping", "lambda:TagResource"),
        delete=("lambda:DeleteEventSourceMapping", "lambda:GetEventSourceMapping"),
        update=("lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"),
    ),
    "AWS::Lambda::Permission": Rights(
        arn="arn:aws:lambda:{region}:{account}:function:{name}",
        name="FunctionName",
        create=("lambda:AddPermission",),
        delete=("lambda:RemovePermission",),
        update=("lambda:AddPermission", "lambda:RemovePermission"),
    ),
    "AWS::SNS::Topic": Rights(
        arn="arn:aws:sns:{region}:{account}:{name}",
        name="TopicName",
        create=("sns:CreateTopic", "sns:GetTopicAttributes", "sns:TagResource"),
        delete=("sns:DeleteTopic", "sns:GetTopicAttributes"),
        update=("sns:GetTopicAttributes", "sns:ListTagsForResource", "sns:SetTopicAttributes"),
    ),
    "AWS::SNS::TopicPolicy": Rights(arn="*", name="", create=(), delete=(), others=policies_of_topics),
    "AWS::SNS::Subscription": Rights(
        arn="{name}",
        name="TopicArn",
        create=("sns:GetSubscriptionAttributes", "sns:Subscribe"),
        delete=("sns:Unsubscribe",),
    ),
    "AWS::CloudWatch::Alarm": Rights(
        arn="arn:aws:cloudwatch:{region}:{account}:alarm:{name}",
        name="AlarmName",
        create=("cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"),
        delete=("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms"),
        update=("cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"),
    ),
    "AWS::CloudWatch::Dashboard": Rights(
        arn="arn:aws:cloudwatch::{account}:dashboard/{name}",
        name="DashboardName",
        create=("cloudwatch:GetDashboard", "cloudwatch:PutDashboard"),
        delete=("cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard"),
        update=("cloudwatch:GetDashboard", "cloudwatch:PutDashboard"),
    ),
    "AWS::StepFunctions::StateMachineVersion": Rights(
        arn="{name}",
        name="StateMachineArn",
        create=("states:DescribeStateMachine", "states:ListStateMachineVersions", "states:PublishStateMachineVersion"),
        update=("states:PublishStateMachineVersion",),
        delete=("states:DeleteStateMachineVersion", "states:DescribeStateMachine"),
    ),
    "AWS::StepFunctions::StateMachineAlias": Rights(
        arn="{name}",
        name="Arn",
        create=("states:CreateStateMachineAlias", "states:DescribeStateMachineAlias"),
        update=("states:DescribeStateMachineAlias", "states:UpdateStateMachineAlias"),
        delete=("states:DeleteStateMachineAlias", "states:DescribeStateMachineAlias"),
        new_arn=alias_of_state_machine,
    ),
}


def to_create(kind: str, props: Properties, other_name: str) -> Iterator[Permission]:
    """Yield what the caller needs to create a resource of a type."""
    if rights := RIGHTS.get(kind):
        arn = rights.new_arn(props) if rights.new_arn else arn_of(rights, props.get(rights.name) or other_name)
        yield from on(arn, *rights.create)
        for name, action in rights.properties.items():
            yield from to_change(arn, action, props.get(name))
        yield from rights.others(props)


def to_update(kind: str, old: Properties, new: Properties, physical_name: str) -> Iterator[Permission]:
    """Yield what the caller needs to change a resource's properties."""
    if (rights := RIGHTS.get(kind)) and old != new:
        arn = arn_of(rights, old.get(rights.name) or physical_name)
        yield from on(arn, *rights.update)
        for name, action in [*rights.properties.items(), *rights.changes.items()]:
            if new.get(name) != old.get(name):
                yield from to_change(arn, action, new.get(name))
        for name, action in rights.removals.items():
            yield from to_change(arn, action, removed(old.get(name), new.get(name)))
        yield from rights.others(new)


def to_delete(kind: str, props: Properties, physical_name: str) -> Iterator[Permission]:
    """Yield what the caller needs to delete a resource."""
    if rights := RIGHTS.get(kind):
        arn = arn_of(rights, props.get(rights.name) or physical_name)
        yield from on(arn, *rights.delete)
        for name, action in rights.removals.items() if rights.emptied else ():
            yield from to_change(arn, action, props.get(name))


def removed(old: Any, new: Any) -> Any:
    """Return what of an old value the new one lacks: entries of a list, by their names if they have some."""
    if isinstance(old, list) and isinstance(new, list):
        kept = [name_of(entry) for entry in new]
        return [entry for entry in old if name_of(entry) not in kept]
    return None if new else old


def name_of(entry: Any) -> Any:
    return entry.get("PolicyName") or entry.get("Id") if isinstance(entry, dict) else entry


def arn_of(rights: Rights, name: str) -> str:
    """Return a resource's ARN; the physical id of some types is the ARN."""
    if name.startswith("arn:"):
        return name
    name = name.rpartition("/")[2] if name.startswith("http") else name  # a queue's physical id is its URL
    return rights.arn.format(account=identity.account_id(), region=identity.region(), name=name)


def on(arn: str, *actions: str) -> Iterator[Permission]:
    yield from (Permission(action, arn) for action in actions)


def to_change(arn: str, action: str, value: Any) -> Iterator[Permission]:
    """Yield what setting or removing a property needs; managed policies are attached one by one."""
    if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        yield from (Permission(action, arn, {"iam:PolicyARN": policy}) for policy in value or [])
    elif value:
        yield Permission(action, arn)
