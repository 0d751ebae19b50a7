"""The predictions: which photos are sent to the endpoint, and which answers are refused."""

import pytest

from tests.unit.training.fakes import (
    MODEL,
    Runtime,
)
from tests.unit.training.serving import KEYS
from training.config import inference_id
from training.context import Context
from training.deploy import deploy
from training.errors import EndpointError
from training.options import DeployOptions
from training.results import Dataset


def test_each_test_image_is_sent_with_its_own_bytes_and_id(context: Context, dataset: Dataset) -> None:
    deploy(context, dataset, MODEL, DeployOptions())
    runtime = context.clients.sagemaker_runtime
    assert isinstance(runtime, Runtime)
    sent = {request["InferenceId"]: request["Body"].decode() for request in runtime.requests}
    assert sent == {inference_id(key): key for key in KEYS}


def test_an_answer_for_other_classes_is_refused(context: Context, dataset: Dataset) -> None:
    context.clients.__dict__["sagemaker_runtime"] = Runtime(0.2, 0.3, 0.5)
    with pytest.raises(EndpointError, match="endpoint s serves was not trained on the staged dataset"):
        deploy(context, dataset, MODEL, DeployOptions())
