"""The application as a stack, deployed by the SAM CLI."""

import subprocess
from pathlib import Path

import boto3

ROOT = Path(__file__).parents[3]


def deploy_application(stack: str, build: Path, environment: dict[str, str], **parameters: str) -> None:
    """Build the application into the directory `build` and deploy it with these template parameters."""
    template = str(ROOT / "template.yaml")
    run_sam(["build", "--template", template, "--build-dir", str(build)], environment)
    deploy = ["deploy", "--template", str(build / "template.yaml"), "--stack-name", stack]
    deploy += ["--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local"]
    deploy += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    run_sam(deploy, environment)


def run_sam(arguments: list[str], environment: dict[str, str]) -> None:
    subprocess.run(["sam", *arguments], cwd=ROOT, check=True, env=environment)


def stack_outputs(stack: str) -> dict[str, str]:
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
