"""The same with the SageMaker SDK 3: ModelTrainer and ModelBuilder, with roles that the SDK itself makes and checks.

`make test-sdk` runs it cell for cell; CIFAR_ARCHIVE names an archive in CIFAR-100's format.
"""

# as in a notebook, a cell imports what it uses
# mypy: ignore-errors

# %% Packages
import json
import os
import pickle
import shutil
import tarfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.iam_role_resolver import IamRoleResolver
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import MetricDefinition
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode

# %% Session, default bucket, region
session = Session()
bucket = session.default_bucket()
region = session.boto_region_name
print(f"Default Bucket: {bucket}", f"AWS Region: {region}", sep="\n")

# %% Roles: the SDK makes them, and ModelTrainer and ModelBuilder ask IAM whether they suffice
resolver = IamRoleResolver()
training_role = resolver.create_execution_role("training", s3_resource=bucket, kms_resource=[])
serving_role = resolver.create_execution_role("serving", s3_resource=bucket, kms_resource=[])
print(training_role, serving_role)

# %% Photos of bicycles and motorcycles, and their lists
with tarfile.open(os.environ["CIFAR_ARCHIVE"], "r:gz") as tar:
    tar.extractall(filter="data")
meta, train, test = (
    pickle.loads(Path("cifar-100-python", name).read_bytes(), encoding="bytes") for name in ("meta", "train", "test")
)
vehicles = [meta[b"fine_label_names"].index(name) for name in (b"bicycle", b"motorcycle")]


def save_images(dataset, directory, per_class):
    shutil.rmtree(directory, ignore_errors=True)
    Path(directory).mkdir()
    lines, counts = [], [0, 0]
    for row, (label, name) in enumerate(zip(dataset[b"fine_labels"], dataset[b"filenames"], strict=True)):
        if label in vehicles and counts[vehicles.index(label)] < per_class:
            counts[vehicles.index(label)] += 1
            photo = dataset[b"data"][row].reshape(3, 32, 32).transpose(1, 2, 0)
            plt.imsave(Path(directory, name.decode()), np.ascontiguousarray(photo))
            lines.append(f"{row}\t{vehicles.index(label)}\t{name.decode()}\n")
    Path(f"{directory}.lst").write_text("".join(lines))
    return len(lines)


number = save_images(train, "train", 100)
save_images(test, "test", 20)
uris = {name: session.upload_data(name, bucket=bucket, key_prefix=name) for name in ("train", "test")}
lists = {name: session.upload_data(f"{name}.lst", bucket=bucket, key_prefix="lists") for name in ("train", "test")}
print(uris, lists)

# %% ModelTrainer with the built-in algorithm
photos = {"train": f"{uris['train']}/", "validation": f"{uris['test']}/"}
channels = photos | {"train_lst": lists["train"], "validation_lst": lists["test"]}
inputs = [
    InputData(channel_name=name, data_source=uri, content_type="application/x-image") for name, uri in channels.items()
]
hyperparameters = {"image_shape": "3,32,32", "num_classes": 2, "num_training_samples": number, "epochs": 2}
algorithm_image = image_uris.retrieve("image-classification", region)
trainer = ModelTrainer(
    training_image=algorithm_image,
    role=training_role,
    base_job_name="trainer",
    hyperparameters=hyperparameters,
    compute=Compute(instance_type="ml.p3.2xlarge", instance_count=1),
    sagemaker_session=session,
)
trainer.train(input_data_config=inputs, wait=True, logs=True)

# %% The job
job = TrainingJob.get(trainer._latest_training_job.training_job_name)
print(job)
assert job.training_job_status == "Completed"
assert {one.metric_name for one in job.final_metric_data_list} == {"train:accuracy", "validation:accuracy"}

# %% ModelBuilder: build and deploy
name = f"builder-{int(time.time())}"
builder = ModelBuilder(
    image_uri=algorithm_image,
    s3_model_data_url=job.model_artifacts.s3_model_artifacts,
    role_arn=serving_role,
    sagemaker_session=session,
)
model = builder.build(model_name=name)
endpoint = builder.deploy(endpoint_name=name, initial_instance_count=1, instance_type="ml.m5.large")
assert Model.get(name).model_name == name

# %% Invoke
payload = next(Path("test").glob("*.png")).read_bytes()
answer = endpoint.invoke(body=payload, content_type="image/png")
inference = json.loads(answer.body.read())
print(inference)
assert len(inference) == 2 and abs(sum(inference) - 1) < 1e-3


# %% Delete
def delete(endpoint_name, model_name):
    found = Endpoint.get(endpoint_name)
    found.delete()
    found.wait_for_delete(poll=1)
    EndpointConfig.get(found.endpoint_config_name).delete()
    Model.get(model_name).delete()


delete(name, name)

# %% ModelTrainer with code of one's own on AWS's PyTorch image: the SDK's scripts start it from /opt/ml
shutil.rmtree("source", ignore_errors=True)
shutil.copytree(
    Path(os.environ["PROJECT"], "training", "algorithm"),
    "source/algorithm",
    ignore=shutil.ignore_patterns("__pycache__"),
)
pytorch_image = f"763104351884.dkr.ecr.{region}.amazonaws.com/pytorch:2.13-cpu-amzn2023-sagemaker"
own_trainer = ModelTrainer(
    training_image=pytorch_image,
    role=training_role,
    base_job_name="own",
    hyperparameters=hyperparameters,
    source_code=SourceCode(source_dir="source", command="env | grep ^SM_CHANNEL && python -m algorithm train"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    sagemaker_session=session,
).with_metric_definitions(
    [MetricDefinition(name="validation:accuracy", regex=r"Epoch\[\d+\] Validation-accuracy=([0-9.]+)")]
)
own_trainer.train(input_data_config=inputs, wait=True, logs=True)
own_job = TrainingJob.get(own_trainer._latest_training_job.training_job_name)
assert [one.metric_name for one in own_job.final_metric_data_list] == ["validation:accuracy"]

# %% ModelBuilder from the trainer
own_name = f"own-{int(time.time())}"
own_builder = ModelBuilder(
    model=own_trainer,
    image_uri=pytorch_image,
    env_vars={"BASH_ENV": "/opt/ml/model/code/container.sh", "OPT_OUT_TRACKING": "true"},
    role_arn=serving_role,
    sagemaker_session=session,
)
own_builder.build(model_name=own_name)
own_endpoint = own_builder.deploy(endpoint_name=own_name, initial_instance_count=1, instance_type="ml.m5.large")
assert len(json.loads(own_endpoint.invoke(body=payload, content_type="image/png").body.read())) == 2

# %% Delete it
delete(own_name, own_name)
