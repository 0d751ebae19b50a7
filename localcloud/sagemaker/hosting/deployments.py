"""From an endpoint's configuration to the fleet that serves it."""

import tempfile
from pathlib import Path
from typing import Any

from localcloud.sagemaker import roles
from localcloud.sagemaker.hosting.capture import DataCapture
from localcloud.sagemaker.hosting.fleets import Fleet
from localcloud.sagemaker.hosting.variants import Variant, VariantContext
from localcloud.sagemaker.logs import LogStream
from localcloud.sagemaker.store import MODEL, Resource, Store, arn_of, now, region_of

Deployment = dict[str, Any]  # "Config": the endpoint configuration, "Models": the models by name


def deployment_of(store: Store, config: Resource) -> Deployment:
    """Return the configuration with its models, None for a model that does not exist."""
    names = {variant["ModelName"] for variant in config["ProductionVariants"]}
    return {"Config": config, "Models": {name: store.get(MODEL, arn_of(MODEL, name)) for name in names}}


def build_fleet(deployment: Deployment, endpoint_arn: str, directory: Path) -> Fleet:
    """Return the fleet of an endpoint, not started yet; each variant gets a new directory."""
    directory.mkdir(parents=True, exist_ok=True)
    variants = []
    for config in deployment["Config"]["ProductionVariants"]:
        model = deployment["Models"][config["ModelName"]]
        base = Path(tempfile.mkdtemp(prefix=f"{config['VariantName']}-", dir=directory))
        variants.append(Variant(config, model, variant_context(deployment, config, model, endpoint_arn, base)))
    return Fleet(variants)


def variant_context(
    deployment: Deployment, variant: dict[str, Any], model: Resource, endpoint_arn: str, base: Path
) -> VariantContext:
    role_arn, region, endpoint_name = model["ExecutionRoleArn"], region_of(endpoint_arn), endpoint_arn.split("/")[-1]
    group, stream = f"/aws/sagemaker/Endpoints/{endpoint_name}", f"{variant['VariantName']}/i-{now():.3f}"
    log = LogStream(roles.client("logs", role_arn, region), group, stream, base / "log")
    arn = f"arn:aws:logs:{region}:{endpoint_arn.split(':')[4]}:log-group:{group}:log-stream:{stream}"
    capture = None
    config = deployment["Config"].get("DataCaptureConfig", {"EnableCapture": False})
    if config.get("EnableCapture", True):
        s3 = roles.client("s3", role_arn, region)
        capture = DataCapture(config, f"{endpoint_name}/{variant['VariantName']}", s3, log.write)
    return VariantContext(base, region, log, arn, capture)
