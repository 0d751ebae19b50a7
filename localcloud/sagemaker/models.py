"""Models and endpoint configurations: what an endpoint is made from."""

from typing import Any

from botocore.exceptions import ClientError

from localcloud.sagemaker import roles
from localcloud.sagemaker.errors import ServiceError, already_exists, not_found
from localcloud.sagemaker.listing import list_resources
from localcloud.sagemaker.store import ENDPOINT_CONFIG, MODEL, Resource, Store, arn_of, now, region_of
from localcloud.sagemaker.transfer import split_uri


class Models:
    """CreateModel, DescribeModel, ListModels and DeleteModel."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = arn_of(MODEL, params["ModelName"])
        if self._store.get(MODEL, arn):
            raise already_exists("model", arn)
        container = params.get("PrimaryContainer")
        if not container or not container.get("Image"):
            raise ServiceError(
                "ValidationException", "The local cloud serves models with one PrimaryContainer and its Image."
            )
        roles.check_assumable(params["ExecutionRoleArn"])
        check_model_data(container.get("ModelDataUrl"), params["ExecutionRoleArn"], region_of(arn))
        model = {name: value for name, value in params.items() if name != "Tags"}
        self._store.put(MODEL, arn, {**model, "ModelArn": arn, "CreationTime": now()})
        self._store.put_tags(arn, {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])})
        return {"ModelArn": arn}

    def describe(self, params: dict[str, Any]) -> Resource:
        arn = arn_of(MODEL, params["ModelName"])
        model = self._store.get(MODEL, arn)
        if model is None:
            raise not_found("model", arn)
        return model

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        return list_resources(self._store.in_scope(MODEL), params, "Model", "Models")

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        self._store.delete(MODEL, self.describe(params)["ModelArn"])
        return {}


def check_model_data(uri: str | None, role_arn: str, region: str) -> None:
    """Raise AWS's ValidationException when the model archive is missing or the role may not read it."""
    if not uri:
        return
    bucket, key = split_uri(uri)
    try:
        roles.client("s3", role_arn, region).head_object(Bucket=bucket, Key=key)
    except ClientError as err:
        if err.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
            raise ServiceError("ValidationException", f"Could not find model data at {uri}.") from err
        raise ServiceError(
            "ValidationException",
            f'Could not access model data at {uri}. Please ensure that the role "{role_arn}" exists and that its trust '
            'relationship policy allows the action "sts:AssumeRole" for the service principal '
            f'"{roles.PRINCIPAL}". Also ensure that the role has "s3:GetObject" permissions and that the object is '
            f"located in {region}.",
        ) from err


class EndpointConfigs:
    """CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs and DeleteEndpointConfig."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = arn_of(ENDPOINT_CONFIG, params["EndpointConfigName"])
        if self._store.get(ENDPOINT_CONFIG, arn):
            raise already_exists("endpoint configuration", arn)
        for variant in params["ProductionVariants"]:
            self._check_variant(variant)
        config = {name: value for name, value in params.items() if name != "Tags"}
        self._store.put(ENDPOINT_CONFIG, arn, {**config, "EndpointConfigArn": arn, "CreationTime": now()})
        self._store.put_tags(arn, {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])})
        return {"EndpointConfigArn": arn}

    def _check_variant(self, variant: dict[str, Any]) -> None:
        if not variant.get("ModelName") or not (variant.get("InstanceType") or variant.get("ServerlessConfig")):
            raise ServiceError(
                "ValidationException", "A production variant needs ModelName and InstanceType or ServerlessConfig."
            )
        model_arn = arn_of(MODEL, variant["ModelName"])
        if self._store.get(MODEL, model_arn) is None:
            raise not_found("model", model_arn)

    def describe(self, params: dict[str, Any]) -> Resource:
        arn = arn_of(ENDPOINT_CONFIG, params["EndpointConfigName"])
        config = self._store.get(ENDPOINT_CONFIG, arn)
        if config is None:
            raise not_found("endpoint configuration", arn)
        return config

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        return list_resources(self._store.in_scope(ENDPOINT_CONFIG), params, "EndpointConfig", "EndpointConfigs")

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        self._store.delete(ENDPOINT_CONFIG, self.describe(params)["EndpointConfigArn"])
        return {}
