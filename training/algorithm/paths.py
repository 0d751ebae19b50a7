"""Where things are in a SageMaker container."""

import os
from pathlib import Path

MODEL_FILE, METADATA_FILE, PREDICTIONS_FILE = "model.onnx", "metadata.json", "predictions.csv"  # in model/
PROFILE_FILE, PROFILE_VERSION = "profile.json", 1  # likewise; the version of its layout


def base_directory() -> Path:
    """Return the directory that the container contract is about (the variable is the SageMaker toolkits' own)."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
