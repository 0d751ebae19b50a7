"""Endpoint configurations: which models an endpoint serves, and what it captures."""

from typing import Any

from localcloud.sagemaker.errors import already_exists, invalid, not_found
from localcloud.sagemaker.listing import list_resources
from localcloud.sagemaker.store import ENDPOINT_CONFIG, MODEL, Resource, Store, arn_of, now


class EndpointConfigs:
    """CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs and DeleteEndpointConfig."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = arn_of(ENDPOINT_CONFIG, params["EndpointConfigName"])
        if self._store.get(ENDPOINT_CONFIG, arn):
            raise already_exists("endpoint configuration", arn)
        self._check_variants(params["ProductionVariants"])
        config = {name: value for name, value in params.items() if name != "Tags"}
        resource = {**config, "EndpointConfigArn": arn, "CreationTime": now()}
        if not self._store.add(ENDPOINT_CONFIG, arn, resource, params.get("Tags", [])):
            raise already_exists("endpoint configuration", arn)
        return {"EndpointConfigArn": arn}

    def _check_variants(self, variants: list[dict[str, Any]]) -> None:
        """Refuse what botocore's model allows because serverless variants need fewer members."""
        for variant in variants:
            for member in ("ModelName", "InstanceType", "InitialInstanceCount"):
                if member not in variant:
                    raise invalid(f"The production variant {variant['VariantName']} needs {member}.")
            model_arn = arn_of(MODEL, variant["ModelName"])
            if self._store.get(MODEL, model_arn) is None:
                raise not_found("model", model_arn)
        if len({variant["VariantName"] for variant in variants}) < len(variants):
            raise invalid("Each production variant needs a different name.")
        if not any(variant.get("InitialVariantWeight", 1) for variant in variants):
            raise invalid("At least one production variant needs an InitialVariantWeight above 0.")

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
