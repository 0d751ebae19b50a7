"""The notebook that most projects of this kind start from, with the SageMaker SDK 2: photos to predictions.

After the steps of Udacity's project "Build a ML Workflow for Scones Unlimited" and of AWS's examples for
image-classification. `make test-sdk` runs it cell for cell; CIFAR_ARCHIVE names an archive in CIFAR-100's format.
"""

# ruff: noqa: E402  # as in a notebook, a cell imports what it uses
# mypy: ignore-errors

# %% Packages
import json
import os
import pickle
import shutil
import tarfile
import time
from pathlib import Path

import boto3
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import sagemaker
import sagemaker.session

# %% Session, default bucket, region
session = sagemaker.Session()
bucket = session.default_bucket()
region = session.boto_region_name
print(f"Default Bucket: {bucket}", f"AWS Region: {region}", sep="\n")
assert bucket == f"sagemaker-{region}-{boto3.client('sts').get_caller_identity()['Account']}"
assert sagemaker.Session().default_bucket() == bucket, "the bucket is found again"

# %% The one line for a cloud at another address: SDK 2 gives STS the address of AWS, whatever AWS_ENDPOINT_URL says
sagemaker.session.sts_regional_endpoint = lambda region: None

# %% get_execution_role refuses a user, as on any laptop
try:
    sagemaker.get_execution_role()
except ValueError as err:
    print(err)
else:
    raise AssertionError("get_execution_role took a user for a role")

# %% So the notebook gets a role by its ARN
trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
rights = {"Effect": "Allow", "Action": ["s3:*", "ecr:*", "logs:*", "cloudwatch:PutMetricData"], "Resource": "*"}
iam = boto3.client("iam")
role_name = f"notebook-{int(time.time())}"
role = iam.create_role(
    RoleName=role_name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
)["Role"]["Arn"]
iam.put_role_policy(
    RoleName=role_name,
    PolicyName="notebook",
    PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": rights}),
)
print(f"RoleArn: {role}")

# %% Extract the archive
with tarfile.open(os.environ["CIFAR_ARCHIVE"], "r:gz") as tar:
    tar.extractall(filter="data")
meta, train, test = (
    pickle.loads(Path("cifar-100-python", name).read_bytes(), encoding="bytes") for name in ("meta", "train", "test")
)
print(train.keys(), test.keys(), meta.keys())

# %% Find bicycles and motorcycles
vehicles = [meta[b"fine_label_names"].index(name) for name in (b"bicycle", b"motorcycle")]


def frame_of(dataset, count):
    frame = pd.DataFrame({"filenames": dataset[b"filenames"], "labels": dataset[b"fine_labels"]})
    frame["row"] = range(len(frame))
    frame = frame.loc[frame["labels"].isin(vehicles)]
    frame = frame.groupby("labels").head(count // 2).sort_values("row")  # a few of them: this is a test
    frame["filenames"] = frame["filenames"].apply(lambda name: name.decode())
    return frame


df_train, df_test = frame_of(train, 200), frame_of(test, 40)
print(df_train.describe(), df_test.head(), sep="\n")


# %% Save them as files
def save_images(frame, dataset, directory):
    shutil.rmtree(directory, ignore_errors=True)
    Path(directory).mkdir()
    for item in frame.itertuples():
        row = dataset[b"data"][item.row]
        photo = np.dstack((row[0:1024].reshape(32, 32), row[1024:2048].reshape(32, 32), row[2048:].reshape(32, 32)))
        plt.imsave(Path(directory, item.filenames), photo)


save_images(df_train, train, "train")
save_images(df_test, test, "test")


# %% Write the metadata files
def to_metadata_file(frame, prefix):
    frame["s3_path"] = frame["filenames"]
    frame["labels"] = frame["labels"].apply(vehicles.index)
    frame[["row", "labels", "s3_path"]].to_csv(f"{prefix}.lst", sep="\t", index=False, header=False)


to_metadata_file(df_train.copy(), "train")
to_metadata_file(df_test.copy(), "test")

# %% Upload: Session.upload_data for the folders, a boto3 resource and S3Uploader for the files
from sagemaker.s3 import S3Downloader, S3Uploader

train_uri = session.upload_data("train", bucket=bucket, key_prefix="train")
test_uri = session.upload_data("test", bucket=bucket, key_prefix="test")
boto3.Session().resource("s3").Bucket(bucket).Object("train.lst").upload_file("train.lst")
test_lst = S3Uploader.upload("test.lst", f"s3://{bucket}/lists", sagemaker_session=session)
assert len(session.list_s3_files(bucket, "train/")) == len(df_train)
assert session.read_s3_file(bucket, "lists/test.lst") == Path("test.lst").read_text()

# %% Image and output path
algo_image = sagemaker.image_uris.retrieve("image-classification", region=region, version="latest")
s3_output_location = f"s3://{bucket}/models/image_model"
print(algo_image)

# %% Estimator and hyperparameters
from sagemaker.debugger import ProfilerRule, rule_configs

img_classifier_model = sagemaker.estimator.Estimator(
    image_uri=algo_image,
    role=role,
    instance_count=1,
    instance_type="ml.p3.2xlarge",
    output_path=s3_output_location,
    sagemaker_session=session,
    rules=[ProfilerRule.sagemaker(rule_configs.ProfilerReport())],
)
img_classifier_model.set_hyperparameters(
    image_shape="3,32,32", num_classes=2, num_training_samples=len(df_train), epochs=2
)

# %% Channels
from sagemaker.inputs import TrainingInput

model_inputs = {
    "train": TrainingInput(s3_data=f"{train_uri}/", content_type="application/x-image"),
    "validation": TrainingInput(s3_data=f"{test_uri}/", content_type="application/x-image"),
    "train_lst": TrainingInput(s3_data=f"s3://{bucket}/train.lst", content_type="application/x-image"),
    "validation_lst": TrainingInput(s3_data=test_lst, content_type="application/x-image"),
}

# %% Fit, with the log shown
img_classifier_model.fit(inputs=model_inputs)
assert img_classifier_model.model_data.startswith(s3_output_location)

# %% The job as SageMaker describes it: all that the SDK sent comes back
description = img_classifier_model.latest_training_job.describe()
print(json.dumps(description, indent=1, default=str))
assert description["OutputDataConfig"]["KmsKeyId"] == ""
assert {one["Name"] for one in description["AlgorithmSpecification"]["MetricDefinitions"]} == {
    "train:accuracy",
    "validation:accuracy",
}

# %% Metrics as a data frame
metrics = img_classifier_model.training_job_analytics.dataframe()
print(metrics)
assert set(metrics["metric_name"]) == {"train:accuracy", "validation:accuracy"}
assert metrics["value"].between(0, 1).all()

# %% The same by the job's name
from sagemaker.analytics import TrainingJobAnalytics

job_name = img_classifier_model.latest_training_job.name
by_name = TrainingJobAnalytics(job_name, metric_names=["validation:accuracy"], sagemaker_session=session).dataframe()
assert set(by_name["metric_name"]) == {"validation:accuracy"}

# %% Attach to the job from another session
attached = sagemaker.estimator.Estimator.attach(job_name, sagemaker_session=session)
assert attached.model_data == img_classifier_model.model_data
assert attached.hyperparameters()["num_classes"] == "2"

# %% Deploy, with data capture
from sagemaker.model_monitor import DataCaptureConfig

data_capture_config = DataCaptureConfig(
    enable_capture=True, sampling_percentage=100, destination_s3_uri=f"s3://{bucket}/data_capture"
)
deployment = attached.deploy(
    initial_instance_count=1, instance_type="ml.m5.xlarge", data_capture_config=data_capture_config
)
endpoint = deployment.endpoint_name
print(endpoint)

# %% Predict
from sagemaker.serializers import IdentitySerializer

predictor = sagemaker.predictor.Predictor(endpoint_name=endpoint, sagemaker_session=session)
predictor.serializer = IdentitySerializer("image/png")
payload = Path("test", df_test["filenames"].iloc[0]).read_bytes()
inference = predictor.predict(payload, initial_args={"ContentType": "application/x-image"}, inference_id="first")
print(inference)
assert abs(sum(json.loads(inference)) - 1) < 1e-3

# %% Predict with a deserializer
from sagemaker.deserializers import JSONDeserializer

predictor.deserializer = JSONDeserializer()
answers = [predictor.predict(Path("test", name).read_bytes()) for name in df_test["filenames"][:10]]
assert all(len(answer) == 2 for answer in answers)

# %% A photo that is none is the model's client error
from botocore.exceptions import ClientError

try:
    predictor.predict(b"not a photo")
except ClientError as err:
    print(err)
    assert err.response["Error"]["Code"] == "ModelError" and err.response["OriginalStatusCode"] < 500
else:
    raise AssertionError("the endpoint answered to what is no photo")

# %% Download the captured data
data_path = f"s3://{bucket}/data_capture/{endpoint}/AllTraffic"
deadline = time.monotonic() + 120
while sum(len(S3Downloader.read_file(one).splitlines()) for one in S3Downloader.list(data_path)) < 11:
    assert time.monotonic() < deadline, "not all inferences were captured"
    time.sleep(2)
shutil.rmtree("captured_data", ignore_errors=True)
S3Downloader.download(data_path, "captured_data")

# %% Read it
import jsonlines

json_data = []
for path in Path("captured_data").rglob("*.jsonl"):
    with jsonlines.open(path) as lines:
        json_data.extend(lines)


def simple_getter(record):
    return json.loads(record["captureData"]["endpointOutput"]["data"]), record["eventMetadata"]["inferenceTime"]


confidences = [max(simple_getter(record)[0]) for record in json_data]
assert len(confidences) == 11 and any(one["eventMetadata"].get("inferenceId") == "first" for one in json_data)

# %% Plot it
plt.scatter([simple_getter(record)[1] for record in json_data], confidences)
plt.axhline(y=0.8, color="g", linestyle="--")
plt.savefig("confidence.png")

# %% Stop the capture on the running endpoint
predictor.disable_data_capture()
assert session.describe_endpoint(endpoint)["DataCaptureConfig"]["EnableCapture"] is False
assert len(predictor.predict(payload)) == 2

# %% Delete the model and the endpoint
predictor.delete_model()
predictor.delete_endpoint()
assert not session.sagemaker_client.list_endpoints(NameContains=endpoint, StatusEquals="InService")["Endpoints"]

# %% The role that the SDK makes, with the policy AmazonSageMakerFullAccess
default_role = sagemaker.get_execution_role(use_default=True)
print(default_role)
assert default_role.endswith(":role/AmazonSageMaker-DefaultRole")

# %% An algorithm of one's own on AWS's PyTorch image, with that role: its code is a channel
shutil.rmtree("code", ignore_errors=True)
shutil.copytree(
    Path(os.environ["PROJECT"], "training", "algorithm"), "code/algorithm", ignore=shutil.ignore_patterns("__pycache__")
)
code_uri = session.upload_data("code", bucket=bucket, key_prefix="code")
pytorch_image = f"763104351884.dkr.ecr.{region}.amazonaws.com/pytorch:2.13-cpu-amzn2023-sagemaker"
own_model = sagemaker.estimator.Estimator(
    image_uri=pytorch_image,
    role=default_role,
    instance_count=1,
    instance_type="ml.m5.large",
    output_path=s3_output_location,
    sagemaker_session=session,
    container_entry_point=["python", "-m", "algorithm", "train"],
    environment={"PYTHONPATH": "/opt/ml/input/data/code"},
    metric_definitions=[{"Name": "validation:accuracy", "Regex": r"Epoch\[\d+\] Validation-accuracy=([0-9.]+)"}],
    hyperparameters={"image_shape": "3,32,32", "num_classes": 2, "num_training_samples": len(df_train), "epochs": 2},
    max_retry_attempts=2,
)
own_model.fit(inputs={**model_inputs, "code": TrainingInput(s3_data=f"{code_uri}/")}, logs="Training")
assert set(own_model.training_job_analytics.dataframe()["metric_name"]) == {"validation:accuracy"}

# %% Deploy it: the archive holds the code, and BASH_ENV says what `serve` does
own_predictor = own_model.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    serializer=IdentitySerializer("image/png"),
    deserializer=JSONDeserializer(),
    env={"BASH_ENV": "/opt/ml/model/code/container.sh", "OPT_OUT_TRACKING": "true"},
)
assert len(own_predictor.predict(payload)) == 2

# %% Delete what served it
own_predictor.delete_model()
own_predictor.delete_endpoint(delete_endpoint_config=True)


# %% What the local AWS does not have is refused in one sentence
def refusal(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except Exception as err:
        return str(err)
    raise AssertionError(f"{call} was not refused")


from sagemaker.experiments.run import Run
from sagemaker.processing import ScriptProcessor
from sagemaker.pytorch import PyTorch
from sagemaker.workflow.pipeline import Pipeline

Path("train.py").write_text("print('training')")
toolkit = PyTorch(
    entry_point="train.py",
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    image_uri=pytorch_image,
    sagemaker_session=session,
)
sentence = refusal(toolkit.fit)
print(sentence)
assert "does not emulate SageMaker's training toolkit" in sentence

sentence = refusal(lambda: Run("experiment", sagemaker_session=session).__enter__())
print(sentence)
assert "does not emulate sagemaker:" in sentence

sentence = refusal(Pipeline("pipeline", steps=[], sagemaker_session=session).create, role)
print(sentence)
assert "does not emulate sagemaker:CreatePipeline" in sentence

processor = ScriptProcessor(
    image_uri=pytorch_image,
    command=["python"],
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    sagemaker_session=session,
)
sentence = refusal(processor.run, "train.py")
print(sentence)
assert "does not emulate sagemaker:CreateProcessingJob" in sentence
