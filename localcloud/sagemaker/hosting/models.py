"""Models: the image, archive and role of an endpoint's containers."""

from typing import Any

from botocore.exceptions import ClientError

from localcloud.sagemaker import roles
from localcloud.sagemaker.errors import already_exists, invalid, not_found
from localcloud.sagemaker.images import ImageNotFoundError, program_for
from localcloud.sagemaker.listing import list_resources
from localcloud.sagemaker.store import MODEL, Resource, Store, arn_of, now, region_of
from localcloud.sagemaker.transfer import split_uri


class Models:
    """CreateModel, DescribeModel, ListModels and DeleteModel."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = arn_of(MODEL, params["ModelName"])
        if self._store.get(MODEL, arn):
            raise already_exists("model", arn)
        check_model(params, region_of(arn))
        model = {"EnableNetworkIsolation": False, **params}
        model.pop("Tags", None)
        if not self._store.add(MODEL, arn, {**model, "ModelArn": arn, "CreationTime": now()}, params.get("Tags", [])):
            raise already_exists("model", arn)
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


def check_model(params: dict[str, Any], region: str) -> None:
    """Refuse what botocore's model allows: a role, an image or an archive that does not exist."""
    container = params.get("PrimaryContainer", {})
    if not container.get("Image"):
        raise invalid("A model needs a PrimaryContainer with an Image.")
    if "ExecutionRoleArn" not in params:
        raise invalid("A model needs an ExecutionRoleArn.")
    roles.check_assumable(params["ExecutionRoleArn"])
    try:
        program_for(container["Image"])
    except ImageNotFoundError as err:
        raise invalid(f"Requested image {container['Image']} not found: {err}") from err
    if "ModelDataUrl" in container:
        check_model_data(container["ModelDataUrl"], params["ExecutionRoleArn"], region)


def check_model_data(uri: str, role_arn: str, region: str) -> None:
    """Raise AWS's ValidationException when the model archive is missing or the role may not read it."""
    bucket, key = split_uri(uri)
    try:
        roles.client("s3", role_arn, region).head_object(Bucket=bucket, Key=key)
    except ClientError as err:
        if err.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
            raise invalid(f"Could not find model data at {uri}.") from err
        raise invalid(
            f'Could not access model data at {uri}. Please ensure that the role "{role_arn}" exists and that its trust '
            'relationship policy allows the action "sts:AssumeRole" for the service principal '
            f'"{roles.PRINCIPAL}". Also ensure that the role has "s3:GetObject" permissions and that the object is '
            f"located in {region}."
        ) from err
