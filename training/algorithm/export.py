"""Build an ONNX graph of the trained network, from raw pixels to probabilities.

Its 20 or so nodes are made by hand: they need neither onnxscript nor a tracer. Batch norm, normalisation and
temperature are folded into the weights, so that the server only decodes the image and runs the graph.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from .network import Network, Normed

OPSET = 20  # the first version with Gelu
INPUT, OUTPUT = "pixels", "probabilities"
_IR_VERSION = 10  # of opset 20's time, so that older runtimes load it too


@dataclass
class _Graph:
    """A graph under construction."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output and return that output's name."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, values: NDArray[np.generic]) -> str:
        """Store an array and return its name for the inputs of nodes."""
        name = f"weights_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name


def build_model(network: Network, shape: tuple[int, int, int], temperature: float) -> onnx.ModelProto:
    """Return the graph: uint8 (n, height, width, channels) -> float (n, num_classes), rows that sum to 1.

    As in training, the scores of an image and its mirror image are averaged.

    Args:
        shape: (height, width, channels) of the images.
        temperature: Divides the scores before softmax.
    """
    graph = _Graph()
    images = graph.add("Transpose", graph.add("Cast", INPUT, to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    both = graph.add("Concat", images, _mirror(graph, images), axis=0)  # (2n, channels, height, width)
    features = graph.add("Gelu", _convolution(graph, both, _whitening(network), network.stride))
    for layer in cast(Iterable[Normed], network.layers):
        features = _convolution(graph, features, layer.folded())
        if layer.pooling > 1:
            features = graph.add("MaxPool", features, kernel_shape=[layer.pooling] * 2, strides=[layer.pooling] * 2)
        features = graph.add("Gelu", features)
    _answer(graph, features, network.head.weight / temperature)
    return _model(graph, shape, network.head.out_features)


def _mirror(graph: _Graph, images: str) -> str:
    first, last, axis, step = (graph.constant(np.array([i], np.int64)) for i in (-1, -(2**31), 3, -1))
    return graph.add("Slice", images, first, last, axis, step)


def _convolution(graph: _Graph, features: str, weights: tuple[Tensor, Tensor], stride: int | None = None) -> str:
    """Add a convolution of which the output is as large as its input, or, with a stride, one without a border."""
    constants = [graph.constant(_array(values)) for values in weights]
    if stride is None:
        return graph.add("Conv", features, *constants, pads=[1] * 4)
    return graph.add("Conv", features, *constants, strides=[stride] * 2)


def _whitening(network: Network) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the first convolution for raw pixels, with division by 255 and normalisation."""
    weight = network.filters / network.deviation[:, None, None]
    bias = network.offsets - (weight * network.mean[:, None, None]).sum(dim=(1, 2, 3))
    return weight / 255, bias


def _answer(graph: _Graph, features: str, head: Tensor) -> None:
    strongest = graph.add("Flatten", graph.add("GlobalMaxPool", features))
    scores = graph.add("MatMul", strongest, graph.constant(_array(head.T)))  # (2n, num_classes)
    pairs = graph.add("Reshape", scores, graph.constant(np.array([2, -1, head.shape[0]], np.int64)))
    mean = graph.add("ReduceMean", pairs, graph.constant(np.array([0], np.int64)), keepdims=0)
    graph.nodes.append(helper.make_node("Softmax", [mean], [OUTPUT], axis=1))


def _array(weight: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(weight.detach().numpy(), np.float32)


def _model(graph: _Graph, shape: tuple[int, int, int], num_classes: int) -> onnx.ModelProto:
    pixels = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["n", *shape])
    probabilities = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", num_classes])
    body = helper.make_graph(graph.nodes, "image_classification", [pixels], [probabilities], graph.weights)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    return model
