"""Endpoints that a test deploys for itself, with a model that needs no training."""

import io
import json
import tarfile
from typing import Any

import boto3
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sagemaker.core import image_uris

IMAGE = image_uris.retrieve("image-classification", "us-east-1")
SHAPE = [32, 32, 3]  # height, width, channels


def model_archive(probabilities: list[float]) -> bytes:
    """Return a model.tar.gz whose model gives every image these probabilities."""
    files = {
        "model.onnx": constant_model(probabilities),
        "metadata.json": json.dumps({"network_shape": SHAPE}).encode(),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def constant_model(probabilities: list[float]) -> bytes:
    """Return an ONNX graph: uint8 (n, height, width, channels) -> float (1, classes)."""
    answer = numpy_helper.from_array(np.array([probabilities], np.float32), "answer")
    node = helper.make_node("Identity", ["answer"], ["probabilities"])
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", *SHAPE])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(probabilities)])
    graph = helper.make_graph([node], "constant", [pixels], [output], [answer])
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


def create_endpoint(name: str, bucket: str, role: str, probabilities: list[float]) -> None:
    """Create model, configuration and endpoint of this name, and return when it is in service."""
    key = f"models/{name}/model.tar.gz"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=model_archive(probabilities))
    client = boto3.client("sagemaker")
    container: Any = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/{key}"}
    client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    variant: Any = {"VariantName": "A", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def delete_endpoint(name: str) -> None:
    client = boto3.client("sagemaker")
    client.delete_endpoint(EndpointName=name)
    client.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    client.delete_endpoint_config(EndpointConfigName=name)
    client.delete_model(ModelName=name)
