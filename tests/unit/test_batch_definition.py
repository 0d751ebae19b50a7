"""Contracts of the batch: its state machine, the functions, the template and the names that training knows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.unit.lambda_functions import WORKFLOW, camel_case, error_classes, retried_errors
from training import config
from training.executions import BELOW_THRESHOLD

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "statemachine/batch_classification.asl.json").read_text()
SOURCES = {"ClassifyPrefix": "OfPrefix", "ClassifyJsonLines": "OfJsonLines", "ClassifyCsv": "OfCsv"}
EXPRESS_SECONDS = 300  # AWS ends an Express execution then

State = dict[str, Any]


@pytest.fixture(scope="module")
def definition() -> State:
    parsed: State = json.loads(TEXT)
    return parsed


@pytest.fixture(scope="module")
def machine() -> State:
    template: State = yaml_parse((ROOT / "template.yaml").read_text())
    properties: State = template["Resources"]["batchClassification"]["Properties"]
    return properties


def photo_states(definition: State, source: str) -> State:
    """Return the states of one photo, by their names without the source's suffix."""
    (photos,) = definition["States"][source]["ItemProcessor"]["States"].values()
    states: State = photos["ItemProcessor"]["States"]
    return {name.removesuffix(SOURCES[source]): state for name, state in states.items()}


def levels(node: Any) -> Iterator[State]:
    """Yield the definition and each processor in it."""
    if isinstance(node, dict):
        if "States" in node:
            yield node
        for child in node.values():
            yield from levels(child)
    elif isinstance(node, list):
        for child in node:
            yield from levels(child)


def next_states(state: State) -> set[str]:
    found = {rule["Next"] for rule in [*state.get("Choices", []), *state.get("Catch", [])]}
    return found | {state[name] for name in ("Next", "Default") if name in state}


def test_every_next_exists_and_every_state_is_reached(definition: State) -> None:
    for level in levels(definition):
        reached, coming = set[str](), {level["StartAt"]}
        while coming:
            name = coming.pop()
            reached.add(name)
            coming |= next_states(level["States"][name]) - reached
        assert reached == set(level["States"])


def test_no_state_s_name_is_used_twice(definition: State) -> None:
    names = [name for level in levels(definition) for name in level["States"]]
    assert len(set(names)) == len(names)


def test_every_source_has_the_same_processor_and_the_same_writer(definition: State) -> None:
    shared = []
    for source, suffix in SOURCES.items():
        state = definition["States"][source]
        own = {"Comment", "Label", "ItemReader", "ItemSelector"}
        shared.append(json.dumps({key: state[key] for key in state.keys() - own}, sort_keys=True).replace(suffix, ""))
    assert len(set(shared)) == 1
    assert (
        definition["States"]["ClassifyJsonLines"]["ItemSelector"] == definition["States"]["ClassifyCsv"]["ItemSelector"]
    )


def test_substitutions_match_both_ways(machine: State) -> None:
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == set(machine["DefinitionSubstitutions"])


def test_the_state_machine_names_no_partition_by_itself() -> None:
    assert set(re.findall(r"arn:[^:]*", TEXT)) == {"arn:${Partition}"}


@pytest.mark.parametrize("folder", WORKFLOW)
@pytest.mark.parametrize("source", SOURCES)
def test_a_photo_is_classified_as_by_the_workflow_for_one(definition: State, source: str, folder: str) -> None:
    single = json.loads((ROOT / "statemachine/image_classification.asl.json").read_text())["States"]
    name = camel_case(folder)[0].upper() + camel_case(folder)[1:]
    state = photo_states(definition, source)[name]
    for field in ("Type", "Resource", "Arguments", "TimeoutSeconds", "Retry"):
        assert state.get(field) == single[name].get(field)
    assert state["Resource"] == f"${{{name}Arn}}"


@pytest.mark.parametrize("source", SOURCES)
def test_a_refusal_is_a_verdict_and_so_is_every_other_error(definition: State, source: str) -> None:
    states, suffix = photo_states(definition, source), SOURCES[source]
    every = {"ErrorEquals": ["States.ALL"], "Next": f"Failed{suffix}"}
    refused = {"ErrorEquals": [BELOW_THRESHOLD], "Output": {"accepted": False}, "Next": f"Verdict{suffix}"}
    caught = {name: state["Catch"] for name, state in states.items() if state["Type"] == "Task"}
    assert caught == {"SerializeImageData": [every], "ClassifyImage": [every], "FilterInferences": [refused, every]}


@pytest.mark.parametrize("source", SOURCES)
def test_a_verdict_has_the_fields_that_are_promised(definition: State, source: str) -> None:
    states = photo_states(definition, source)
    ends = {name: list(state["Output"]) for name, state in states.items() if state.get("End")}
    assert ends == {
        "Verdict": ["s3_key", "version", "accepted", "class", "confidence", "inferences"],
        "Failed": ["s3_key", "version", "error", "cause"],
    }


@pytest.mark.parametrize("source", SOURCES)
def test_a_batch_is_an_express_child_whose_verdicts_are_written_as_lines(definition: State, source: str) -> None:
    state = definition["States"][source]
    assert state["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    assert state["ItemBatcher"]["MaxItemsPerBatch"] == config.PHOTOS_PER_BATCH
    assert state["ResultWriter"]["WriterConfig"] == {"Transformation": "FLATTEN", "OutputType": "JSONL"}
    assert state["ResultWriter"]["Arguments"]["Prefix"].startswith(f"{{% '{config.VERDICT_PREFIX}/' & ")


def test_what_is_read_is_where_training_puts_it(definition: State) -> None:
    conditions = [choice["Condition"] for choice in definition["States"]["ChooseReader"]["Choices"]]
    prefixes = [found[1] for one in conditions if (found := re.search(r"/\^(\w+)\\/", one))]
    assert prefixes == [config.IMAGE_PREFIX, config.MANIFEST_PREFIX, config.MANIFEST_PREFIX]


def test_the_tally_retries_what_may_pass_and_outlasts_its_function(definition: State) -> None:
    state = definition["States"]["TallyVerdicts"]
    told = set(re.findall(r"\w+Error\b", state["Comment"]))
    assert told == error_classes("tally_verdicts")
    assert {name for name in retried_errors(state) if name in told} == {"VerdictsUnavailableError"}
    template: State = yaml_parse((ROOT / "template.yaml").read_text())
    assert state["TimeoutSeconds"] > template["Resources"]["tallyVerdicts"]["Properties"]["Timeout"]


def test_no_call_of_a_function_outlasts_its_batch(definition: State) -> None:
    seconds = [
        state["TimeoutSeconds"]
        for state in photo_states(definition, "ClassifyPrefix").values()
        if "TimeoutSeconds" in state
    ]
    assert max(seconds) < EXPRESS_SECONDS


def test_the_stack_s_parameters_are_the_defaults(machine: State) -> None:
    given = machine["DefinitionSubstitutions"]
    names = {
        "Concurrency": "BatchConcurrency",
        "MaxRefusedShare": "BatchRefusedShare",
        "MaxFailedShare": "BatchFailedShare",
    }
    assert {name: given[name] for name in names} == {name: {"Ref": parameter} for name, parameter in names.items()}


def test_the_default_concurrency_leaves_a_new_account_s_other_functions_some(definition: State) -> None:
    parameters: State = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
    assert parameters["BatchConcurrency"]["Default"] < 10  # a new account's


def test_every_loud_end_has_a_name_of_its_own(definition: State) -> None:
    errors = [state["Error"] for state in definition["States"].values() if state["Type"] == "Fail"]
    assert errors == ["InvalidInputError", "NoPhotosError", "TooManyFailedError", "TooManyRefusedError"]
