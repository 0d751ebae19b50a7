"""The application as a stack, deployed by the SAM CLI, and stacks of single resources."""

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import WaiterError

ROOT = Path(__file__).parents[3]


def build_application(build: Path, environment: dict[str, str]) -> None:
    """Build the application into the directory `build`."""
    run_sam(["build", "--template", str(ROOT / "template.yaml"), "--build-dir", str(build)], environment)


def deploy_application(stack: str, build: Path, environment: dict[str, str], **parameters: str) -> None:
    """Deploy the application that was built into `build` with these template parameters."""
    deploy = ["deploy", "--template", str(build / "template.yaml"), "--stack-name", stack]
    deploy += ["--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local"]
    deploy += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    run_sam(deploy, environment)


def run_sam(arguments: list[str], environment: dict[str, str]) -> None:
    subprocess.run(["sam", *arguments], cwd=ROOT, check=True, env=environment)


def stack_outputs(stack: str) -> dict[str, str]:
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def status_reason(client: Any, kind: str, properties: dict[str, Any]) -> str:
    """Create a stack with one resource and return why the resource failed, "" if it did not; delete the stack."""
    stack = f"it-{uuid.uuid4().hex[:8]}"
    template = {"Resources": {"one": {"Type": kind, "Properties": properties}}}
    client.create_stack(StackName=stack, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    try:
        client.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        return ""
    except WaiterError:
        events = client.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [
            one for one in events if (one["LogicalResourceId"], one["ResourceStatus"]) == ("one", "CREATE_FAILED")
        ]
        return str(failed[0]["ResourceStatusReason"])
    finally:
        client.delete_stack(StackName=stack)
