import numpy as np
import onnxruntime
import pytest
import torch

from training.algorithm.export import build_model
from training.algorithm.fit import predict
from training.algorithm.network import Network, build_network


def network_with_random_statistics(pixels: torch.Tensor, num_classes: int) -> Network:
    """Return a network whose biases and batch norm statistics differ from their initial values."""
    torch.manual_seed(0)
    network = build_network(pixels, num_classes)
    network.train()(pixels.float() / 255)
    for name, parameter in network.named_parameters():
        if name == "offsets" or name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.5)
    return network


@pytest.mark.parametrize(
    ("shape", "num_classes", "temperature"),
    [((32, 32, 3), 2, 0.7), ((16, 40, 1), 5, 1.0), ((64, 64, 3), 3, 2.5), ((100, 130, 3), 2, 1.0)],
)
def test_onnx_runtime_agrees_with_torch(shape: tuple[int, int, int], num_classes: int, temperature: float) -> None:
    pixels = torch.randint(0, 256, (7, *shape), dtype=torch.uint8)
    network = network_with_random_statistics(pixels, num_classes)
    expected = torch.softmax(predict(network, pixels) / temperature, dim=1)
    model = build_model(network, shape, temperature).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (actual,) = session.run(None, {"pixels": pixels.numpy()})
    assert np.abs(actual - expected.numpy()).max() < 1e-5
    assert actual.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert np.ptp(actual) > 0.05  # else agreement would prove little
    (alone,) = session.run(None, {"pixels": pixels[3:4].numpy()})
    assert np.abs(alone - actual[3:4]).max() < 1e-6
