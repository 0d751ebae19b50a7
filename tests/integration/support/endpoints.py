"""Models and endpoints of the tests' own, and what their endpoints captured."""

import io
import json
import tarfile
from typing import Any

import boto3
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.archives import archive_of
from tests.integration.support.training_jobs import IMAGE
from tests.integration.support.waiting import wait_for

SHAPE = [32, 32, 3]  # height, width, channels


# Model archives ------------------------------------------------------------------------------------------------


def model_archive(probabilities: list[float], network_shape: list[int] = SHAPE) -> bytes:
    """Return a model.tar.gz whose model gives every image these probabilities; it needs no training.

    With another shape than the graph's, it fails for every image.
    """
    metadata = json.dumps({"network_shape": network_shape}).encode()
    return archive_of({"model.onnx": _constant_model(probabilities), "metadata.json": metadata})


def archive_without_a_model() -> bytes:
    return archive_of({})


def with_constant_answers(archive: bytes, probabilities: list[float]) -> bytes:
    """Return the model.tar.gz of a training job with a model that gives every image these probabilities."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as trained:
        files = {one.name: trained.extractfile(one) for one in trained.getmembers() if one.isfile()}
        content = {name: file.read() for name, file in files.items() if file is not None}
    return archive_of(content | {"model.onnx": _constant_model(probabilities)})


def _constant_model(probabilities: list[float]) -> bytes:
    """Return an ONNX graph: uint8 (n, height, width, channels) -> float (1, classes)."""
    answer = numpy_helper.from_array(np.array([probabilities], np.float32), "answer")
    node = helper.make_node("Identity", ["answer"], ["probabilities"])
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", *SHAPE])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(probabilities)])
    graph = helper.make_graph([node], "constant", [pixels], [output], [answer])
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


def container_definition(model_data_url: str) -> Any:
    """Return the PrimaryContainer of a model that the built-in algorithm serves."""
    return {"Image": IMAGE, "ModelDataUrl": model_data_url}


# Endpoints -----------------------------------------------------------------------------------------------------


def variant(model_name: str, name: str = "AllTraffic", **changes: Any) -> Any:
    common = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return {"VariantName": name, "ModelName": model_name, **common, **changes}


def capture_config(bucket: str, **changes: Any) -> Any:
    """Return a DataCaptureConfig that captures every request and answer; `changes` replace whole members."""
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        **changes,
    }


def settled_endpoint(name: str) -> Any:
    """Wait until an endpoint is InService or Failed and return its description."""
    client = boto3.client("sagemaker")

    def settled() -> Any:
        found = client.describe_endpoint(EndpointName=name)
        return found if found["EndpointStatus"] in ("InService", "Failed") else None

    return wait_for(settled)


def delete_endpoint(name: str) -> None:
    settled_endpoint(name)
    client = boto3.client("sagemaker")
    client.delete_endpoint(EndpointName=name)
    client.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def create_constant_endpoint(
    name: str, bucket: str, role: str, probabilities: list[float], network_shape: list[int] = SHAPE, **config: Any
) -> None:
    """Create model, configuration and endpoint of this name, which gives every image these probabilities.

    Args:
        network_shape: With another shape than the graph's, it fails for every image.
        config: Further members of the endpoint configuration.
    """
    key = f"models/{name}/model.tar.gz"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=model_archive(probabilities, network_shape))
    client = boto3.client("sagemaker")
    client.create_model(
        ModelName=name,
        PrimaryContainer=container_definition(f"s3://{bucket}/{key}"),
        ExecutionRoleArn=role,
    )
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name)], **config)
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert settled_endpoint(name)["EndpointStatus"] == "InService"


def delete_constant_endpoint(name: str) -> None:
    delete_endpoint(name)
    client = boto3.client("sagemaker")
    client.delete_endpoint_config(EndpointConfigName=name)
    client.delete_model(ModelName=name)


def captured(bucket: str, endpoint_name: str, prefix: str = "captured") -> list[dict[str, Any]]:
    """Return every captured record of an endpoint."""
    objects = boto3.resource("s3").Bucket(bucket).objects.filter(Prefix=f"{prefix}/{endpoint_name}/")
    return [json.loads(line) for one in objects for line in one.get()["Body"].read().splitlines()]
