"""The trained model as the endpoint uses it: image bytes in, probabilities out."""

import json
from pathlib import Path

import numpy as np
import onnxruntime

from .errors import InputError
from .images import decode
from .paths import METADATA_FILE, MODEL_FILE


class Model:
    """An ONNX graph in memory; safe to call from several threads."""

    def __init__(self, directory: Path, threads: int = 1) -> None:
        """Load `model.onnx` and `metadata.json`.

        Args:
            threads: Among which one request is split. One is best where requests run in parallel:
                benchmarks/endpoint.py compares both.

        Raises:
            InputError: One of them is missing.
        """
        for name in (MODEL_FILE, METADATA_FILE):
            if not (directory / name).is_file():
                raise InputError(f"{directory / name} is missing: serving needs the model of a training job.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(directory / MODEL_FILE, options, ["CPUExecutionProvider"])
        self._shape = json.loads((directory / METADATA_FILE).read_text())["network_shape"]  # height, width, channels

    def classify(self, image: bytes) -> list[float]:
        """Return one probability per class, in label order.

        Raises:
            InputError: The bytes are not an image.
        """
        pixels = decode(image, self._shape)
        (probabilities,) = self._session.run(None, {"pixels": pixels[np.newaxis]})
        return [float(p) for p in probabilities[0]]
