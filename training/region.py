"""Which region of AWS the steps work in."""

import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from commandline.parser import suggestion
from training.config import REGION_VARIABLE, Stack, command
from training.errors import StackError

SAM_CONFIG = Path("samconfig.toml")  # `sam deploy --guided` writes it
SECTIONS = ("deploy", "global")  # of its environment `default`, the one that SAM reads first
DEFAULT_REGION = "us-east-1"  # when nothing names one


def choose_region(given: str | None) -> str:
    """Return the region that was given, else that of samconfig.toml, else that of the AWS settings.

    Raises:
        StackError: AWS has no such region, or samconfig.toml cannot be read.
    """
    import boto3

    region = given or sam_region() or boto3.Session().region_name or DEFAULT_REGION
    known = regions()
    if region not in known:
        raise StackError(
            f"The AWS SDK knows no region {region!r}{suggestion(region, known)}: correct --region, {REGION_VARIABLE}, "
            f"the region in {SAM_CONFIG}, or AWS_DEFAULT_REGION."
        )
    return region


def command_for(stack: Stack, step: str) -> str:
    """Return the command line of a step for a stack, with the region where it is not the one that is chosen anyway."""
    region = [] if stack.region == choose_region(None) else ["--region", stack.region]
    return shlex.join([*shlex.split(command(step, stack.name)), *region])


@cache
def regions() -> tuple[str, ...]:
    """Return the regions of all partitions."""
    import boto3

    session = boto3.Session()
    return tuple(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("cloudformation", partition_name=partition)
    )


def sam_region() -> str | None:
    """Return the region that `sam deploy` uses, None when samconfig.toml has none.

    Raises:
        StackError: The file is not what SAM writes.
    """
    try:
        environment: Any = tomllib.loads(SAM_CONFIG.read_text(encoding="utf-8")).get("default", {})
        parameters = [environment.get(section, {}).get("parameters", {}) for section in SECTIONS]
        region = next((found["region"] for found in parameters if "region" in found), None)
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError, TypeError) as err:
        raise StackError(f"{SAM_CONFIG} cannot be read ({err}): correct it, or give --region.") from err
    return str(region) if region else None
