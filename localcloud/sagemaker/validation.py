"""Refuses what AWS would refuse, according to botocore's model of the service."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.loaders
import botocore.model

from localcloud.sagemaker.errors import ServiceError

Shape = botocore.model.Shape

TYPES: dict[str, tuple[type, ...]] = {  # Python types of each type of the model
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (bytes,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}
JAVA_CLASSES = {"ASCII": r"\x00-\x7F", "Print": r"\x20-\x7E", "Alnum": "a-zA-Z0-9", "L": r"\w", "N": r"\d", "Z": r"\s"}


@cache
def service_model(name: str) -> botocore.model.ServiceModel:
    """Return botocore's model of `sagemaker` or `sagemaker-runtime`."""
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(name, "service-2"), name)


def validate(params: Any, shape: Shape, code: str = "ValidationException") -> None:
    """Check types, required members, lengths, ranges, patterns and enumerations.

    Raises:
        ServiceError: With AWS's sentence, every violation in it.
    """
    found = list(violations(params, shape, ""))
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise ServiceError(code, f"{count}: {'; '.join(found)}")


def violations(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Yield AWS's sentence for each constraint of the model that the value breaks."""
    check_type(value, shape, path)
    if isinstance(shape, botocore.model.StructureShape):
        yield from member_violations(value, shape, path)
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


def check_type(value: Any, shape: Shape, path: str) -> None:
    """Raise SerializationException, which AWS answers before it checks any constraint."""
    is_right = isinstance(value, TYPES[shape.type_name]) and (isinstance(value, bool) == (shape.type_name == "boolean"))
    if not is_right:
        raise ServiceError("SerializationException", f"{path or 'The request'} must be of type {shape.type_name}.")


def member_violations(value: dict[str, Any], shape: botocore.model.StructureShape, path: str) -> Iterator[str]:
    if unknown := [name for name in value if name not in shape.members]:
        raise ServiceError("SerializationException", f"There is no {unknown[0]} in {path or 'this request'}.")
    for name, member in shape.members.items():
        member_path = f"{path}.{lower_first(name)}" if path else lower_first(name)
        if value.get(name) is not None:
            yield from violations(value[name], member, member_path)
        elif name in shape.required_members:
            yield sentence(None, member_path, "not be null")


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def sentence(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: Member must {constraint}"


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


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    r"""Compile a pattern of the model, whose dialect is Java's.

    It has `\p{...}`, alone or within brackets, and writes characters beyond U+FFFF as pairs of surrogates.
    """

    def translate(found: re.Match[str]) -> str:
        brackets, alone = found.groups()
        if alone:
            return f"[{JAVA_CLASSES[alone]}]"
        return re.sub(r"\\p\{(\w+)\}", lambda name: JAVA_CLASSES[name[1]], brackets)

    known = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    return re.compile(re.sub(r"(\[[^\]]*\])|\\p\{(\w+)\}", translate, known).replace(r"\z", r"\Z"))
