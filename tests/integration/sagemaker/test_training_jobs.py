"""Training jobs through boto3: from the request to a model, how jobs end, and what is refused."""

import signal
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.support.clouds import container_process, only_local
from tests.integration.support.iam import TRAIN_AND_SERVE, create_role
from tests.integration.support.logs import log_of
from tests.integration.support.names import NAME
from tests.integration.support.training_jobs import channel, ended_job, hyperparameters, job_request
from tests.integration.support.waiting import wait_for

ledger = pytest.mark.aws
FOREVER = "100000"  # epochs
# For a client that sends requests which botocore itself would refuse.
UNCHECKED = Config(parameter_validation=False, retries={"total_max_attempts": 1})
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def statuses(job: dict[str, Any]) -> list[str]:
    return [transition["Status"] for transition in job["SecondaryStatusTransitions"]]


@ledger("SageMaker", "CreateTrainingJob: secondary statuses from Starting to Completed, model.tar.gz in S3", "exact")
def test_a_job_goes_through_aws_s_statuses_to_a_model(job: dict[str, Any], bucket: str) -> None:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{bucket}/models/{NAME}/output/model.tar.gz"
    assert boto3.client("s3").head_object(Bucket=bucket, Key=f"models/{NAME}/output/model.tar.gz")["ContentLength"] > 0
    assert job["CreationTime"] <= job["TrainingStartTime"] < job["TrainingEndTime"]
    assert job["TrainingTimeInSeconds"] == job["BillableTimeInSeconds"]


@ledger(
    "SageMaker",
    "training on another machine",
    "approximate",
    "jobs are processes of this machine, at its speed, whatever their instance type; "
    "in place of the built-in algorithm's image, a program of this project runs",
)
@ledger(
    "SageMaker",
    "container contract: /opt/ml, hyperparameters.json, output/failure, SIGTERM, exit code",
    "approximate",
    "code of one's own sees /opt/ml where the machine allows mounts (Linux, outside of Docker's default profile); "
    "elsewhere, and for the built-in algorithm, another directory stands for it: SAGEMAKER_BASE_DIR names it, and it "
    "replaces /opt/ml in the entrypoint, the arguments and the values of Environment",
)
@ledger("SageMaker", "logs of a job in /aws/sagemaker/TrainingJobs, written as the execution role", "exact")
@ledger("SageMaker", "FinalMetricDataList, by the built-in algorithm's metric definitions", "exact")
def test_a_job_s_metrics_and_log_are_kept(job: dict[str, Any]) -> None:
    final = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert set(final) == {"train:accuracy", "validation:accuracy"}
    assert any("Epoch[1] Validation-accuracy=" in message for message in log_of(LOG_GROUP, f"{NAME}/"))


@ledger("SageMaker", "every value of a job's metrics in CloudWatch, namespace /aws/sagemaker/TrainingJobs", "exact")
def test_every_epoch_s_metrics_are_in_cloudwatch(job: dict[str, Any]) -> None:
    statistics = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=LOG_GROUP,
        MetricName="validation:accuracy",
        Dimensions=[{"Name": "TrainingJobName", "Value": NAME}],
        Period=86_400,
        Statistics=["SampleCount"],
        StartTime=job["CreationTime"].timestamp() - 86_400,
        EndTime=job["TrainingEndTime"].timestamp() + 86_400,
    )
    assert sum(point["SampleCount"] for point in statistics["Datapoints"]) == 2


@ledger("SageMaker", "names: unique within account and region, AWS's rules", "exact")
def test_a_job_name_is_used_once(sagemaker: Any, job: dict[str, Any], bucket: str, role: str) -> None:
    with pytest.raises(ClientError, match=r"ResourceInUse.*Training job names must be unique"):
        sagemaker.create_training_job(**job_request(NAME, bucket, role))


@ledger("SageMaker", "FailureReason: the algorithm's own, from output/failure, and its exit code", "exact")
def test_a_job_that_fails_says_why(sagemaker: Any, bucket: str, role: str) -> None:
    name = f"{NAME}-unknown"
    wrong = hyperparameters(colour="red")
    sagemaker.create_training_job(**job_request(name, bucket, role, HyperParameters=wrong))
    job = ended_job(sagemaker, name)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ")
    assert "colour" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 1")
    sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match=r"ValidationException.*Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName=name)


@only_local
@ledger(
    "SageMaker",
    "an object whose key cannot be a file below its channel",
    "approximate",
    "the job fails with ClientError: Data download failed, and the sentence names the key",
)
@pytest.mark.parametrize("key", ["../../../../outside", "clash/a", "nul\0"], ids=["outside", "clash", "nul"])
def test_a_key_that_cannot_be_a_file_fails_the_job(sagemaker: Any, bucket: str, role: str, key: str) -> None:
    prefix, name = f"keys-{len(key)}", f"{NAME}-key-{len(key)}"
    for one in ("clash", key):
        boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/{one}", Body=b"x")
    channels = [channel("train", f"s3://{bucket}/{prefix}/")]
    sagemaker.create_training_job(**job_request(name, bucket, role, InputDataConfig=channels))
    reason = ended_job(sagemaker, name)["FailureReason"]
    assert reason.startswith("ClientError: Data download failed:Failed to download data. Cannot download s3://")
    assert prefix in reason


@only_local
@ledger("SageMaker", "a container that is killed fails its job: exit code 128 + signal", "exact")
def test_a_killed_container_fails_the_job(sagemaker: Any, bucket: str, role: str) -> None:
    name = f"{NAME}-killed"
    sagemaker.create_training_job(**job_request(name, bucket, role, HyperParameters=hyperparameters(epochs=FOREVER)))
    container_process("TRAINING_JOB_NAME", name).send_signal(signal.SIGKILL)
    assert ended_job(sagemaker, name)["FailureReason"] == "AlgorithmError: , exit code: 137"


@ledger("SageMaker", "StopTrainingJob: SIGTERM, then 120 s to save; the best model so far is uploaded", "exact")
def test_a_stopped_job_keeps_its_model_so_far(sagemaker: Any, bucket: str, role: str) -> None:
    name = f"{NAME}-stopped"
    sagemaker.create_training_job(**job_request(name, bucket, role, HyperParameters=hyperparameters(epochs=FOREVER)))
    wait_for(lambda: any("Epoch[1]" in message for message in log_of(LOG_GROUP, f"{name}/")))
    with pytest.raises(ClientError, match="ResourceInUse"):
        sagemaker.delete_training_job(TrainingJobName=name)
    sagemaker.stop_training_job(TrainingJobName=name)
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in ("Stopping", "Stopped")
    job = ended_job(sagemaker, name)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    assert statuses(job) == ["Starting", "Downloading", "Training", "Stopping", "Uploading", "Stopped"]
    assert (
        boto3.client("s3").head_object(Bucket=bucket, Key=f"models/{name}/output/model.tar.gz")["ContentLength"] > 999
    )
    with pytest.raises(ClientError, match="rejected because the training job is in status Stopped"):
        sagemaker.stop_training_job(TrainingJobName=name)


@ledger("SageMaker", "MaxRuntimeInSeconds: status Stopped, secondary status MaxRuntimeExceeded", "exact")
@ledger(
    "SageMaker",
    "managed spot training",
    "approximate",
    "accepted under AWS's rules, never interrupted; billable seconds are the training seconds",
)
def test_a_job_ends_at_its_maximum_runtime(sagemaker: Any, bucket: str, role: str) -> None:
    name = f"{NAME}-late"
    limits = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
    request = job_request(name, bucket, role, StoppingCondition=limits, EnableManagedSpotTraining=True)
    sagemaker.create_training_job(**request)
    job = ended_job(sagemaker, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "FailureReason" not in job
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"] < 30


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"MaxWaitTimeInSeconds": 600}, "only supported when EnableManagedSpotTraining is set to true"),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds"),
        ({"EnableManagedSpotTraining": True, "MaxWaitTimeInSeconds": 599}, "Invalid MaxWaitTimeInSeconds"),
    ],
)
def test_spot_training_needs_a_waiting_time(
    sagemaker: Any, bucket: str, role: str, changes: dict[str, Any], sentence: str
) -> None:
    spot = {name: changes.pop(name) for name in ("EnableManagedSpotTraining",) if name in changes}
    limits = {"MaxRuntimeInSeconds": 600, **changes}
    with pytest.raises(ClientError, match=rf"ValidationException.*{sentence}"):
        sagemaker.create_training_job(**job_request("x", bucket, role, StoppingCondition=limits, **spot))


@ledger("SageMaker", "CreateTrainingJob refuses a channel without objects, or one that the role may not list", "exact")
def test_a_channel_without_objects_is_refused(sagemaker: Any, bucket: str, role: str) -> None:
    uri = f"s3://{bucket}/nothing/"
    sentence = f'No S3 objects found under S3 URL "{uri}" given in input data source.*has "s3:ListBucket" permissions'
    with pytest.raises(ClientError, match=rf"ValidationException.*{sentence}"):
        sagemaker.create_training_job(**job_request("x", bucket, role, InputDataConfig=[channel("train", uri)]))


@ledger(
    "SageMaker",
    "a missing image, or one that the role may not pull, fails the job",
    "approximate",
    "AWS's sentence, extended by the images that this cloud runs; an image of one's own is not among them: there is no "
    "Docker",
)
def test_an_unknown_image_fails_the_job(sagemaker: Any, bucket: str, role: str) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-own:1"
    specification = {"TrainingImage": image, "TrainingInputMode": "File"}
    name = f"{NAME}-image"
    sagemaker.create_training_job(**job_request(name, bucket, role, AlgorithmSpecification=specification))
    reason = ended_job(sagemaker, name)["FailureReason"]
    assert reason.startswith("ClientError: Cannot pull algorithm container. Either the image does not exist or its")
    assert "runs only image-classification" in reason


def test_a_role_that_may_not_pull_the_image_fails_the_job(sagemaker: Any, bucket: str) -> None:
    without = {**TRAIN_AND_SERVE, "Action": ["s3:*", "ecr:GetAuthorizationToken"]}
    name = f"{NAME}-no-pull"
    sagemaker.create_training_job(**job_request(name, bucket, create_role(name, "sagemaker", without)))
    reason = ended_job(sagemaker, name)["FailureReason"]
    assert reason.startswith("ClientError: Cannot pull algorithm container.")
    assert "BatchGetImage" in reason


@ledger(
    "SageMaker",
    "the built-in image-classification algorithm trains on GPU instances only",
    "approximate",
    "the job fails as on AWS, the wording may differ; no GPU is used",
)
def test_the_algorithm_asks_for_a_gpu(sagemaker: Any, bucket: str, role: str) -> None:
    name = f"{NAME}-cpu"
    machine = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
    sagemaker.create_training_job(**job_request(name, bucket, role, ResourceConfig=machine))
    reason = ended_job(sagemaker, name)["FailureReason"]
    assert reason.startswith("ClientError: This algorithm trains on GPU instances only")


@ledger("SageMaker", "own MetricDefinitions are refused for a built-in algorithm", "exact")
def test_a_built_in_algorithm_has_its_own_metrics(sagemaker: Any, bucket: str, role: str) -> None:
    request = job_request("x", bucket, role)
    request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "loss=(.*)"}]
    with pytest.raises(ClientError, match=r"ValidationException.*You can't override the metric definitions for Amazon"):
        sagemaker.create_training_job(**request)


@ledger(
    "SageMaker",
    "requests are checked against botocore's model: required members, lengths, ranges, patterns, "
    "enumerations; all violations in AWS's words",
    "exact",
)
@ledger(
    "SageMaker",
    "members of a wrong type are a SerializationException",
    "approximate",
    "wording may differ; unknown members are refused too",
)
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"TrainingJobName": "a_b"}, r"Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must"),
        (
            {"OutputDataConfig": {}},
            r"Value null at 'outputDataConfig.s3OutputPath' failed to satisfy constraint: Member",
        ),
        ({"ResourceConfig": {"InstanceType": "ml.tiny"}}, r"at 'resourceConfig.instanceType'.*enum value set"),
        ({"ResourceConfig": {"VolumeSizeInGB": -1}}, r"at 'resourceConfig.volumeSizeInGB'.*greater than or equal to 0"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, r"Value '0' at 'stoppingCondition.maxRuntimeInSeconds'"),
        ({"Tags": [{"Key": "é!", "Value": ""}]}, r"Value 'é!' at 'tags.1.member.key'.*regular expression pattern"),
        ({"TrainingJobName": 5}, r"SerializationException.*trainingJobName must be of type string"),
    ],
)
def test_a_request_against_the_model_is_refused(
    aws: dict[str, str], bucket: str, role: str, changes: dict[str, Any], sentence: str
) -> None:
    unchecked = boto3.client("sagemaker", config=UNCHECKED)
    with pytest.raises(ClientError, match=sentence):
        unchecked.create_training_job(**job_request("x", bucket, role, **changes))


@ledger(
    "SageMaker",
    "members of training jobs that would matter here (VPC, checkpoints, Pipe mode, manifests, several instances, "
    "instance groups, warm pools, network isolation, remote debugging, MLflow, ...)",
    "absent",
    "ValidationException that names the member",
)
@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}}, "VpcConfig"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c"}}, "CheckpointConfig"),
        ({"EnableNetworkIsolation": True}, "EnableNetworkIsolation"),
        ({"RemoteDebugConfig": {"EnableRemoteDebug": True}}, "RemoteDebugConfig"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://b/o", "CompressionType": "NONE"}}, "CompressionType 'NONE'"),
        (
            {"ResourceConfig": {"InstanceType": "ml.p3.2xlarge", "InstanceCount": 2, "VolumeSizeInGB": 1}},
            r"ResourceConfig.InstanceCount 2 \(only 1\)",
        ),
        (
            {"ResourceConfig": {"VolumeSizeInGB": 1, "KeepAlivePeriodInSeconds": 60}},
            "ResourceConfig.KeepAlivePeriodInSeconds",
        ),
        ({"AlgorithmSpecification": {"TrainingInputMode": "Pipe"}}, r"TrainingInputMode 'Pipe' \(only 'File'\)"),
        (
            {
                "InputDataConfig": [
                    {
                        "ChannelName": "c",
                        "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://b/m"}},
                    }
                ]
            },
            r"InputDataConfig.DataSource.S3DataSource.S3DataType 'ManifestFile'",
        ),
    ],
)
def test_unsupported_members_are_refused(
    sagemaker: Any, bucket: str, role: str, changes: dict[str, Any], member: str
) -> None:
    with pytest.raises(ClientError, match=rf"ValidationException.*does not emulate .*{member}.* of CreateTrainingJob"):
        sagemaker.create_training_job(**job_request("x", bucket, role, **changes))


@ledger("SageMaker", "ListTrainingJobs, ListModels, ListEndpointConfigs, ListEndpoints: filters, order, pages", "exact")
@ledger(
    "SageMaker",
    "the default order of a list",
    "approximate",
    "newest first in every list; AWS's reference says oldest first for ListTrainingJobs",
)
def test_jobs_are_listed_with_filters(sagemaker: Any, job: dict[str, Any]) -> None:
    def names(**filters: Any) -> list[str]:
        found = sagemaker.list_training_jobs(NameContains=NAME.upper(), MaxResults=100, **filters)
        return [one["TrainingJobName"] for one in found["TrainingJobSummaries"]]

    assert NAME in names(StatusEquals="Completed")
    assert NAME not in names(StatusEquals="Failed")
    assert NAME not in names(CreationTimeAfter=job["TrainingEndTime"])
    assert names(SortBy="Name", SortOrder="Ascending") == sorted(names())
    with pytest.raises(ClientError, match="does not emulate WarmPoolStatusEquals of ListTrainingJobs"):
        sagemaker.list_training_jobs(WarmPoolStatusEquals="Available")


@ledger("SageMaker", "AddTags, ListTags, DeleteTags; tags given at creation", "exact")
def test_tags_stay_with_their_resource(sagemaker: Any, job: dict[str, Any]) -> None:
    arn = job["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "low"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [
        {"Key": "team", "Value": "scones"},
        {"Key": "cost", "Value": "low"},
    ]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "cost", "Value": "low"}]


@ledger("SageMaker", "all other actions", "absent", "UnknownOperationException that names the action")
def test_what_is_not_emulated_says_so(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match=r"UnknownOperationException.*does not emulate sagemaker:ListTransformJobs"):
        sagemaker.list_transform_jobs()
