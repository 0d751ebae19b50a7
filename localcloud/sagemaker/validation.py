"""Refuse what AWS would refuse, judged by botocore's own model of the service."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import botocore.loaders
import botocore.model
from botocore.validate import ParamValidator

from localcloud.sagemaker.errors import ServiceError

Shape = botocore.model.Shape


@lru_cache
def service_model(name: str) -> botocore.model.ServiceModel:
    """Return botocore's model of `sagemaker` or `sagemaker-runtime`."""
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(name, "service-2"), name)


def validate(params: dict[str, Any], shape: Shape) -> None:
    """Check types, required members, lengths, ranges, patterns and enumerations.

    Raises:
        ServiceError: ValidationException with AWS's sentence, every violation in it.
    """
    report = ParamValidator().validate(without_none(params), shape)
    if report.has_errors():
        raise ServiceError("ValidationException", report.generate_report())
    found = list(violations(params, shape, ""))
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise ServiceError("ValidationException", f"{count}: {'; '.join(found)}")


def without_none(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def violations(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Yield AWS's sentence for each constraint that botocore's validator itself does not check."""
    if isinstance(shape, botocore.model.StructureShape):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from violations(value[name], member, f"{path}.{lower_first(name)}" if path else lower_first(name))
    elif isinstance(shape, botocore.model.ListShape):
        yield from size_violations(value, shape, path)
        for number, item in enumerate(value, start=1):
            yield from violations(item, shape.member, f"{path}.{number}.member")
    elif isinstance(shape, botocore.model.MapShape):
        for key, item in value.items():
            yield from violations(key, shape.key, f"{path}.key")
            yield from violations(item, shape.value, f"{path}.{key}.member")
    elif isinstance(shape, botocore.model.StringShape):
        yield from size_violations(value, shape, path)
        yield from string_violations(value, shape, path)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from range_violations(value, shape, path)


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def sentence(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {constraint}"


def size_violations(value: Any, shape: Shape, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < least:
        yield sentence(value, path, f"have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield sentence(value, path, f"have length less than or equal to {most}")


def range_violations(value: float, shape: Shape, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield sentence(value, path, f"have value greater than or equal to {least}")
    if most is not None and value > most:
        yield sentence(value, path, f"have value less than or equal to {most}")


def string_violations(value: str, shape: Shape, path: str) -> Iterator[str]:
    pattern = shape.metadata.get("pattern")
    if pattern and not compiled(pattern).fullmatch(value):
        yield sentence(value, path, f"satisfy regular expression pattern: {pattern}")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield sentence(value, path, f"satisfy enum value set: [{', '.join(allowed)}]")


@lru_cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of the model; its dialect is Java's."""
    for java, python in ((r"\p{ASCII}", r"\x00-\x7F"), (r"\p{Print}", r"\x20-\x7E"), (r"\z", r"\Z")):
        bracketed = python if f"[{java}" in pattern or not python.startswith("\\x") else f"[{python}]"
        pattern = pattern.replace(java, bracketed)
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:  # a construct that Python does not know: AWS will check it
        return re.compile(".*", re.DOTALL)
