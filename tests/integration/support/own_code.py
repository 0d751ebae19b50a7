"""A package that is not the checkout's, run on AWS's PyTorch image as `training/algorithm` is, but without training."""

from pathlib import Path
from typing import Any

import boto3
from sagemaker.core import image_uris

import training.algorithm
from tests.integration.support.training_jobs import channel, job_request

PYTORCH_IMAGE: str = image_uris.retrieve("pytorch-amzn2023", "us-east-1", version="2.13", instance_type="ml.m5.large")
ENTRYPOINT = ["python", "-m", "algorithm", "train"]
CODE_ENVIRONMENT = {"PYTHONPATH": "/opt/ml/input/data/code"}
SERVING_ENVIRONMENT = {"BASH_ENV": "/opt/ml/model/code/container.sh", "OPT_OUT_TRACKING": "true"}
ANSWER = b'"a package that is not the checkout\'s"'
PROGRAM = f"""
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from .package import write_package

BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
ANSWER = {ANSWER!r}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(ANSWER)

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if sys.argv[1] == "train":
    print(ANSWER.decode(), "channels", sorted(path.name for path in (BASE / "input" / "data").iterdir()))
    print("in", os.listdir(), "loss=0.5")
    print("under /opt/ml", [path.name for path in Path("/opt/ml/input/data").glob("*")])
    print("loss=0.25")
    write_package(BASE / "model")
else:
    host, port = os.environ.get("SAGEMAKER_BIND_TO_HOST", ""), int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    HTTPServer((host, port), Handler).serve_forever()
"""


def stage_code(bucket: str) -> str:
    """Put the package where the channel `code` finds it; returns the channel's URI."""
    package = Path(training.algorithm.__path__[0]) / "package.py"  # that of the checkout: it leaves container.sh
    files = {"__init__.py": "", "__main__.py": PROGRAM, "package.py": package.read_text()}
    for name, content in files.items():
        boto3.client("s3").put_object(Bucket=bucket, Key=f"code/test/algorithm/{name}", Body=content.encode())
    return f"s3://{bucket}/code/test/"


def code_job_request(name: str, bucket: str, role: str, **specification: Any) -> dict[str, Any]:
    """Return the arguments of CreateTrainingJob for the package; `specification` replaces how it is started."""
    code = channel("code", f"s3://{bucket}/code/test/")
    started = {"ContainerEntrypoint": ENTRYPOINT, **specification}
    return job_request(
        name,
        bucket,
        role,
        AlgorithmSpecification={"TrainingImage": PYTORCH_IMAGE, "TrainingInputMode": "File", **started},
        InputDataConfig=[{one: value for one, value in code.items() if one != "ContentType"}],
        Environment=CODE_ENVIRONMENT,
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
    )
