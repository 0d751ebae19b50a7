"""SageMaker in the steps' unit tests: what an account has, kept in dictionaries."""

from datetime import UTC, datetime
from typing import Any

from tests.unit.training.fakes import ACCOUNT, REGION, ROLE, client_error


class SageMaker:
    """Training jobs, models and endpoints of an account, under their names.

    An endpoint that is created or updated has the statuses of `next_statuses`, one each time it is described.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, list[dict[str, str]]] = {}  # by ARN
        self.calls: list[str] = []  # those that change an endpoint
        self.deployments: list[dict[str, Any] | None] = []  # how each update was to go
        self.next_statuses = ["Creating", "InService"]

    def _arn(self, kind: str, name: str, tags: list[dict[str, str]]) -> str:
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"
        self.tags[arn] = tags
        return arn

    def list_tags(self, ResourceArn: str) -> dict[str, Any]:
        return {"Tags": self.tags[ResourceArn]}

    def delete_tags(self, ResourceArn: str, TagKeys: list[str]) -> None:
        self.tags[ResourceArn] = [tag for tag in self.tags[ResourceArn] if tag["Key"] not in TagKeys]

    def add_tags(self, ResourceArn: str, Tags: list[dict[str, str]]) -> None:
        keys = {tag["Key"] for tag in Tags}
        self.tags[ResourceArn] = [tag for tag in self.tags[ResourceArn] if tag["Key"] not in keys] + Tags

    def serve(self, endpoint: str, tags: list[dict[str, str]], *instance_types: str) -> None:
        """Make an endpoint in service whose model has these tags.

        Without instance types its own tags are an earlier model's; with some it has one instance of each.
        """
        self.create_model(f"{endpoint}-model", tags, ExecutionRoleArn=ROLE)
        variants = [
            {"VariantName": kind or "AllTraffic", "ModelName": f"{endpoint}-model", "InstanceType": kind}
            | {"InitialInstanceCount": 1}
            for kind in instance_types or ("",)
        ]
        self.create_endpoint_config(f"{endpoint}-config", tags, ProductionVariants=variants)
        self.create_endpoint(endpoint, f"{endpoint}-config", tags if instance_types else [])
        self.endpoints[endpoint]["statuses"] = ["InService"]

    def create_training_job(self, Tags: list[dict[str, str]], status: str = "Completed", **request: Any) -> None:
        name = request["TrainingJobName"]
        self.jobs[name] = request | {
            "TrainingJobArn": self._arn("training-job", name, Tags),
            "TrainingJobStatus": status,
            "SecondaryStatus": status,
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://photos/models/{name}/output/model.tar.gz"},
            "TrainingTimeInSeconds": 42,
        }

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        job = self.jobs[TrainingJobName]
        if job["TrainingJobStatus"] == "InProgress":  # it ends as soon as somebody looks
            self.jobs[TrainingJobName] = job | {"TrainingJobStatus": "Completed"}
        return job

    def list_training_jobs(self, NameContains: str, StatusEquals: str = "", **_: Any) -> dict[str, Any]:
        fields = ("TrainingJobName", "TrainingJobArn", "TrainingJobStatus", "CreationTime")
        found = [
            {field: job[field] for field in fields}
            for name, job in self.jobs.items()
            if NameContains in name and StatusEquals in ("", job["TrainingJobStatus"])
        ]
        return {"TrainingJobSummaries": found}

    def create_model(self, ModelName: str, Tags: list[dict[str, str]], **request: Any) -> None:
        assert ModelName not in self.models
        arn = self._arn("model", ModelName, Tags)
        self.models[ModelName] = request | {"ModelName": ModelName, "ModelArn": arn}

    def describe_model(self, ModelName: str) -> dict[str, Any]:
        if ModelName not in self.models:
            raise client_error("ValidationException", "Could not find model")
        return self.models[ModelName]

    def delete_model(self, ModelName: str) -> None:
        self.describe_model(ModelName)
        del self.models[ModelName]

    def create_endpoint_config(self, EndpointConfigName: str, Tags: list[dict[str, str]], **request: Any) -> None:
        arn = self._arn("endpoint-config", EndpointConfigName, Tags)
        self.configs[EndpointConfigName] = request | {
            "EndpointConfigName": EndpointConfigName,
            "EndpointConfigArn": arn,
        }

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        if EndpointConfigName not in self.configs:
            raise client_error("ValidationException", "Could not find endpoint configuration")
        return self.configs[EndpointConfigName]

    def delete_endpoint_config(self, EndpointConfigName: str) -> None:
        self.describe_endpoint_config(EndpointConfigName)
        del self.configs[EndpointConfigName]

    def create_endpoint(self, EndpointName: str, EndpointConfigName: str, Tags: list[dict[str, str]]) -> None:
        self.calls.append("create")
        arn = self._arn("endpoint", EndpointName, Tags)
        self._change(EndpointName, EndpointConfigName, arn)

    def update_endpoint(
        self, EndpointName: str, EndpointConfigName: str, DeploymentConfig: dict[str, Any] | None = None
    ) -> None:
        self.calls.append("update")
        self.deployments.append(DeploymentConfig)
        self._change(EndpointName, EndpointConfigName, self.endpoints[EndpointName]["EndpointArn"])

    def _change(self, name: str, config_name: str, arn: str) -> None:
        self.endpoints[name] = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": config_name,
            "FailureReason": "no memory",
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "statuses": list(self.next_statuses),
        }
        if variants := self.configs.get(config_name, {}).get("ProductionVariants"):
            names = ("VariantName", "InitialInstanceCount")
            found = [[variant.get(name) for name in names] for variant in variants]
            self.endpoints[name]["ProductionVariants"] = [
                {"VariantName": variant, "DesiredInstanceCount": number} for variant, number in found
            ]

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        if EndpointName not in self.endpoints:
            raise client_error("ValidationException", "Could not find endpoint")
        endpoint = dict(self.endpoints[EndpointName])
        statuses = endpoint.pop("statuses")
        endpoint["EndpointStatus"] = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        return endpoint

    def delete_endpoint(self, EndpointName: str) -> None:
        self.calls.append("delete")
        del self.endpoints[EndpointName]
