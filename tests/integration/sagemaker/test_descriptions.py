"""What the Describe calls return: all that the request gave, also where nothing here follows it."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.endpoints import capture_config, variant
from tests.integration.support.iam import TRAIN_AND_SERVE, policy_document
from tests.integration.support.members import CONFIG, JOB, MODEL, Member, members_of, value_at, with_members
from tests.integration.support.names import NAME
from tests.integration.support.training_jobs import IMAGE, ended_job, job_request

ledger = pytest.mark.aws
UNKNOWN_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-own:1"  # its jobs end before anything is trained


def rows(action: str) -> list[Any]:
    """Return a parameter for each member, which carries its line of the ledger."""
    return [pytest.param(one, marks=ledger(*one.ledger_line), id=one.path) for one in members_of(action)]


# Training jobs -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def described_job(sagemaker: Any, bucket: str, role: str) -> dict[str, Any]:
    """Return the description of a job that was given every member without effect."""
    name = f"{NAME}-members"
    request = job_request(name, bucket, role, EnableNetworkIsolation=False, RemoteDebugConfig={})
    request["InputDataConfig"] = request["InputDataConfig"][:1]
    request["AlgorithmSpecification"] |= {
        "TrainingImage": UNKNOWN_IMAGE,
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
        "TrainingImageConfig": {"TrainingRepositoryAccessMode": "Platform"},
    }
    request["RemoteDebugConfig"] = {"EnableRemoteDebug": False}  # it asks for nothing
    sagemaker.create_training_job(**with_members(request, JOB))
    return ended_job(sagemaker, name) | {"Request": request}


@pytest.mark.parametrize("member", rows(JOB))
def test_a_member_of_a_job_is_described(described_job: dict[str, Any], member: Member) -> None:
    assert value_at(described_job, member.path) == member.value


@ledger("SageMaker", "DescribeTrainingJob returns all members that the request gave", "exact")
def test_a_job_is_described_as_it_was_given(described_job: dict[str, Any]) -> None:
    for name, value in described_job["Request"].items():
        if isinstance(value, dict) and name != "HyperParameters":
            assert described_job[name].items() >= value.items(), name
        elif name != "InputDataConfig":
            assert described_job[name] == value, name


def test_rules_are_not_evaluated_and_nothing_is_profiled(described_job: dict[str, Any]) -> None:
    for statuses in ("DebugRuleEvaluationStatuses", "ProfilerRuleEvaluationStatuses"):
        (rule,) = described_job[statuses]
        assert (rule["RuleConfigurationName"], rule["RuleEvaluationStatus"]) == ("rule", "Stopped")
        assert rule["StatusDetails"] == "The local cloud does not evaluate rules."
    assert described_job["ProfilingStatus"] == "Disabled"


@ledger(
    "SageMaker",
    "DescribeTrainingJob returns AWS's defaults for what the request left out, and the metric definitions of a "
    "built-in algorithm",
    "approximate",
    "the regular expressions are this project's",
)
def test_what_a_job_was_not_given_has_aws_s_defaults(job: dict[str, Any]) -> None:
    assert job["OutputDataConfig"]["KmsKeyId"] == ""
    channel = job["InputDataConfig"][0]
    assert (channel["CompressionType"], channel["RecordWrapperType"]) == ("None", "None")
    assert channel["DataSource"]["S3DataSource"]["S3DataDistributionType"] == "FullyReplicated"
    assert job["EnableNetworkIsolation"] is job["EnableManagedSpotTraining"] is False
    specification = job["AlgorithmSpecification"]
    assert {one["Name"] for one in specification["MetricDefinitions"]} == {"train:accuracy", "validation:accuracy"}
    assert specification["EnableSageMakerMetricsTimeSeries"] is True


# Models and endpoints ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def described_model(sagemaker: Any, role: str) -> dict[str, Any]:
    name = f"{NAME}-members"
    container = {"Image": IMAGE, "Mode": "SingleModel", "ImageConfig": {"RepositoryAccessMode": "Platform"}}
    request = {"ModelName": name, "ExecutionRoleArn": role, "PrimaryContainer": container}
    sagemaker.create_model(**with_members(request, MODEL))
    description: dict[str, Any] = sagemaker.describe_model(ModelName=name)
    return description | {"Request": request}


@pytest.mark.parametrize("member", rows(MODEL))
def test_a_member_of_a_model_is_described(described_model: dict[str, Any], member: Member) -> None:
    assert value_at(described_model, member.path) == member.value
    assert described_model["PrimaryContainer"] == described_model["Request"]["PrimaryContainer"]
    assert described_model["EnableNetworkIsolation"] is False


@pytest.fixture(scope="module")
def described_config(sagemaker: Any, described_model: dict[str, Any], bucket: str) -> dict[str, Any]:
    name = f"{NAME}-members"
    request = {
        "EndpointConfigName": name,
        "ProductionVariants": [variant(name)],
        "DataCaptureConfig": capture_config(bucket),
    }
    sagemaker.create_endpoint_config(**with_members(request, CONFIG))
    description: dict[str, Any] = sagemaker.describe_endpoint_config(EndpointConfigName=name)
    return description | {"Request": request}


@pytest.mark.parametrize("member", rows(CONFIG))
def test_a_member_of_an_endpoint_config_is_described(described_config: dict[str, Any], member: Member) -> None:
    assert value_at(described_config, member.path) == member.value
    for name, value in described_config["Request"].items():
        assert described_config[name] == value


# What the SDK's classes for other features meet --------------------------------------------------------------


@ledger(
    "SageMaker",
    "experiments, lineage, pipelines, processing, tuning, transform jobs, the model registry, feature groups",
    "absent",
    "UnknownOperationException that names the action",
)
@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("create_experiment", {"ExperimentName": "e"}),
        ("create_trial", {"TrialName": "t", "ExperimentName": "e"}),
        ("create_trial_component", {"TrialComponentName": "c"}),
        ("list_artifacts", {}),
        ("list_associations", {}),
        ("create_pipeline", {"PipelineName": "p", "ClientRequestToken": "t" * 32, "RoleArn": "r" * 20}),
        ("search", {"Resource": "TrainingJob"}),
        ("list_transform_jobs", {}),
        ("list_hyper_parameter_tuning_jobs", {}),
        ("create_model_package_group", {"ModelPackageGroupName": "g"}),
        ("describe_feature_group", {"FeatureGroupName": "f"}),
    ],
)
def test_other_features_are_refused_by_name(sagemaker: Any, action: str, arguments: dict[str, Any]) -> None:
    name = "".join(word.capitalize() for word in action.split("_"))
    sentence = rf"UnknownOperationException.*The local cloud does not emulate sagemaker:{name}\."
    with pytest.raises(ClientError, match=sentence):
        getattr(sagemaker, action)(**arguments)


def test_a_trust_policy_may_have_a_single_statement(sagemaker: Any, bucket: str) -> None:
    name = f"{NAME}-single"
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = policy_document(trust).replace("[", "", 1).replace("]", "", 1)
    iam = boto3.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy_document(TRAIN_AND_SERVE))
    sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=role)
