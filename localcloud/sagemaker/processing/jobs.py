"""Processing jobs: Create, Describe, List and Stop."""

from typing import Any

from localcloud.sagemaker import roles
from localcloud.sagemaker.errors import invalid
from localcloud.sagemaker.jobs.actions import Jobs
from localcloud.sagemaker.processing.record import ProcessingRecord
from localcloud.sagemaker.processing.run import ProcessingRun
from localcloud.sagemaker.store import PROCESSING_JOB, Resource

LOCAL_PATH = "/opt/ml/processing/"
DEFAULT_MAX_RUNTIME = 86_400  # seconds
NOT_DESCRIBED = ("Tags",)


class ProcessingJobs(Jobs):
    kind = PROCESSING_JOB
    record_type = ProcessingRecord
    run_type = ProcessingRun
    name_taken = "Job name must be unique within an AWS account and region, and a job with this name already exists"

    def check(self, params: dict[str, Any], region: str) -> None:
        check_job(params)
        roles.check_assumable(params["RoleArn"])

    @classmethod
    def described(cls, params: dict[str, Any], created: float) -> Resource:
        given = {name: value for name, value in params.items() if name not in NOT_DESCRIBED}
        return {"StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME}, **given}


def check_job(params: dict[str, Any]) -> None:
    """Refuse what AWS refuses although botocore's model allows it, and an image's own program, which is not here."""
    if not params["AppSpecification"].get("ContainerEntrypoint"):
        raise invalid(
            "The local cloud does not emulate the program that the image "
            f"{params['AppSpecification']['ImageUri']} starts when AppSpecification.ContainerEntrypoint is missing."
        )
    outputs = params.get("ProcessingOutputConfig", {}).get("Outputs", [])
    named = [(one["InputName"], one.get("S3Input")) for one in params.get("ProcessingInputs", [])]
    named += [(one["OutputName"], one.get("S3Output")) for one in outputs]
    names = [name for name, _ in named]
    for name, place in named:
        if names.count(name) > 1:
            raise invalid(f"The name {name} of inputs and outputs must be unique.")
        if not place or not place.get("LocalPath", "").startswith(LOCAL_PATH):
            raise invalid(f"The LocalPath of {name} must begin with {LOCAL_PATH}.")
