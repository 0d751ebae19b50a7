"""What a Map state processes and how, and the states within Map and Parallel states."""

from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition import fields
from localcloud.step_functions.definition.place import JSONATA, JSONPATH, Place
from localcloud.step_functions.definition.problem import Problem, not_one_of, schema_error, wrong_type
from localcloud.step_functions.definition.tasks import not_emulated

PROCESSORS = ("ItemProcessor", "Iterator")
MODES = ("INLINE", "DISTRIBUTED")
KINDS = ("STANDARD", "EXPRESS")
OF_A_DISTRIBUTED_MAP = (
    *("ItemReader", "ItemBatcher", "ResultWriter", "Label"),
    *("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    *("ToleratedFailureCount", "ToleratedFailureCountPath"),
)
READERS = ("s3:getObject", "s3:listObjectsV2")
WRITERS = ("s3:putObject",)
INPUT_TYPES = ("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST")
LONGEST_LABEL = 40  # characters


def containers(state: Any, place: Place) -> Iterator[tuple[dict[str, Any], Place]]:
    """Yield what holds further states, each with its place: the branches of a Parallel state, a Map's processor."""
    if not isinstance(state, dict):
        return
    if state.get("Type") == "Parallel" and isinstance(state.get("Branches"), list):
        for number, branch in enumerate(state["Branches"]):
            if isinstance(branch, dict):
                yield branch, place.inner(f"Branches[{number}]", place.kind)
    for field in PROCESSORS if state.get("Type") == "Map" else ():
        if isinstance(state.get(field), dict):
            kind = config_of(state).get("ExecutionType", place.kind) if is_distributed(state) else place.kind
            yield state[field], place.inner(field, str(kind))


def processor_fields(place: Place) -> tuple[str, ...]:
    return ("ProcessorConfig",) if place.state_type == "Map" else ()


def config_of(state: dict[str, Any]) -> dict[str, Any]:
    """Return the ProcessorConfig of a Map state, empty where it has none."""
    processor = next((state[field] for field in PROCESSORS if field in state), None)
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    return config if isinstance(config, dict) else {}


def is_distributed(state: dict[str, Any]) -> bool:
    return config_of(state).get("Mode") == "DISTRIBUTED"


def problems(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    if place.state_type == "Parallel":
        for number, branch in enumerate(state["Branches"] if isinstance(state.get("Branches"), list) else ()):
            if not isinstance(branch, dict):
                yield wrong_type(dict, place.item("Branches", number).location)
    if place.state_type != "Map":
        return
    yield from config_problems(state, place)
    for field in OF_A_DISTRIBUTED_MAP:
        if field in state and not is_distributed(state):
            yield schema_error(f"The field '{field}' is only supported in 'DISTRIBUTED' mode", place.location)
    yield from label_problems(state, place)
    yield from resource_problems("ItemReader", READERS, state, place)
    yield from resource_problems("ResultWriter", WRITERS, state, place)
    yield from reader_problems(state, place)


def config_problems(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    config = config_of(state)
    at = place.at(next((field for field in PROCESSORS if field in state), "ItemProcessor"), "ProcessorConfig")
    mode, kind = config.get("Mode", "INLINE"), config.get("ExecutionType")
    yield from fields.unsupported(config, ("Mode", "ExecutionType"), at)
    if mode not in MODES:
        yield not_one_of(MODES, at.at("Mode").location)
    elif mode == "INLINE" and kind is not None:
        yield schema_error("Field 'ExecutionType' is not supported", at.location)
    elif mode == "DISTRIBUTED":
        if place.kind == "EXPRESS":
            sentence = "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines"
            yield schema_error(sentence, at.location)
        yield from fields.required(config, ("ExecutionType",), at)
        if kind is not None and kind not in KINDS:
            yield not_one_of(KINDS, at.at("ExecutionType").location)


def label_problems(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    label = state.get("Label")
    if isinstance(label, str) and not 1 <= len(label) <= LONGEST_LABEL:
        sentence = f"Invalid value for Label. Label must have 1 to {LONGEST_LABEL} characters."
        yield Problem("ERROR", "INVALID_LABEL_NAME", sentence, place.at("Label").location)


def resource_problems(field: str, names: tuple[str, ...], state: dict[str, Any], place: Place) -> Iterator[Problem]:
    """Yield the problems of what an ItemReader or a ResultWriter names."""
    node = state.get(field)
    if not isinstance(node, dict):
        return
    at = place.at(field)
    if field == "ItemReader" or "WriterConfig" not in node:
        yield from fields.required(node, ("Resource",), at)
    resource = node.get("Resource", f"arn:aws:states:::{names[0]}")
    if not isinstance(resource, str) or resource.rpartition(":::")[2] not in names:
        yield schema_error("The field 'Resource' does not match any of the allowed values", at.at("Resource").location)
    arguments = {JSONPATH: "Arguments", JSONATA: "Parameters"}[place.language]  # of the other language
    if arguments in node:
        yield fields.other_language(arguments, at)


def reader_problems(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    reader = state.get("ItemReader")
    config = reader.get("ReaderConfig") if isinstance(reader, dict) else None
    if not isinstance(config, dict):
        return
    at = place.at("ItemReader", "ReaderConfig")
    kind = config.get("InputType")
    if kind is not None and kind not in INPUT_TYPES:
        yield not_one_of(INPUT_TYPES, at.at("InputType").location)
    if kind == "PARQUET":
        yield not_emulated("PARQUET", "an InputType", at.at("InputType").location)
    if kind == "CSV":
        yield from fields.required(config, ("CSVHeaderLocation",), at)
    if kind in ("JSON", "JSONL") and "CSVHeaderLocation" in config:
        yield schema_error("Field 'CSVHeaderLocation' is not supported", at.location)
    if config.get("CSVHeaderLocation") == "GIVEN":
        yield from fields.required(config, ("CSVHeaders",), at)
