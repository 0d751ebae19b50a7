"""Contracts across files: template, state machine, functions, events and imports."""

import ast
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from training.options import parser

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))

# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html and, for Lambda's own errors,
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
AWS_ERRORS = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "States.Timeout",
}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return parsed


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((ROOT / "statemachine/image_classification.asl.json").read_text())
    return parsed


def camel_case(folder: str) -> str:
    first, *rest = folder.split("_")
    return first + "".join(word.capitalize() for word in rest)


def definitions(folder: str) -> dict[str, str]:
    """Return the source of each function and class that a Lambda function defines, by name."""
    source = (ROOT / "functions" / folder / "app.py").read_text()
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return {node.name: ast.get_source_segment(source, node) or "" for node in nodes}


def error_classes() -> set[str]:
    """Return the exceptions that the functions define."""
    return {name for folder in FUNCTIONS for name in definitions(folder) if name.endswith("Error")}


def test_shared_definitions_are_identical_in_all_functions() -> None:
    """Each function deploys alone, so each has its own copy of what they share."""
    copies: dict[str, set[str]] = {}
    for folder in FUNCTIONS:
        for name, source in definitions(folder).items():
            copies.setdefault(name, set()).add(source)
    del copies["lambda_handler"]
    assert {"unwrap", "InvalidEventError"} <= set(copies)
    assert [name for name, sources in copies.items() if len(sources) > 1] == []


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_function_has_one_stem_everywhere(template: dict[str, Any], definition: dict[str, Any], folder: str) -> None:
    logical_id = camel_case(folder)
    state = logical_id[0].upper() + logical_id[1:]
    function = template["Resources"][logical_id]
    assert function["Type"] == "AWS::Serverless::Function"
    assert function["Properties"]["CodeUri"] == f"functions/{folder}/"
    substitutions = template["Resources"]["imageClassification"]["Properties"]["DefinitionSubstitutions"]
    assert substitutions[f"{state}Arn"] == {"Fn::GetAtt": [logical_id, "Arn"]}
    assert definition["States"][state]["Resource"] == f"${{{state}Arn}}"


def test_substitutions_match_both_ways(template: dict[str, Any]) -> None:
    text = (ROOT / "statemachine/image_classification.asl.json").read_text()
    given = template["Resources"]["imageClassification"]["Properties"]["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(given)


def test_the_state_machine_names_no_resource_by_itself() -> None:
    assert "arn:" not in (ROOT / "statemachine/image_classification.asl.json").read_text()


def test_every_next_exists_and_every_state_is_reached(definition: dict[str, Any]) -> None:
    reached, name = [], definition["StartAt"]
    while name:
        reached.append(name)
        name = definition["States"][name].get("Next")
    assert reached == list(definition["States"])
    assert definition["States"][reached[-1]]["End"] is True


def test_every_task_has_a_timeout_longer_than_its_function_s(
    template: dict[str, Any], definition: dict[str, Any]
) -> None:
    for name, state in definition["States"].items():
        function = template["Resources"][name[0].lower() + name[1:]]
        assert state["TimeoutSeconds"] > function["Properties"]["Timeout"]


def test_every_retried_error_is_aws_s_or_ours(definition: dict[str, Any]) -> None:
    retried = {
        e for state in definition["States"].values() for retry in state.get("Retry", []) for e in retry["ErrorEquals"]
    }
    assert retried <= AWS_ERRORS | error_classes()
    assert retried & error_classes() == {"EndpointUnavailableError"}


def test_every_retry_backs_off_with_jitter(definition: dict[str, Any]) -> None:
    for state in definition["States"].values():
        for retry in state.get("Retry", []):
            assert retry["JitterStrategy"] == "FULL"
            assert retry["BackoffRate"] > 1
            assert retry["MaxDelaySeconds"] > 0


def test_an_inference_below_the_threshold_is_neither_retried_nor_caught(definition: dict[str, Any]) -> None:
    assert not {"Retry", "Catch"} & set(definition["States"]["FilterInferences"])
    assert not any("Catch" in state for state in definition["States"].values())


def test_policies_name_no_wildcard_action(template: dict[str, Any]) -> None:
    for name, resource in template["Resources"].items():
        text = json.dumps(resource.get("Properties", {}).get("Policies", []))
        assert "FullAccess" not in text, name
        assert not re.search(r'"Action": \[?"[a-z0-9]*:?\*"', text), name


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("*.json")), ids=lambda path: path.stem)
def test_each_event_names_its_function(path: Path) -> None:
    assert any(path.stem.startswith(folder) for folder in FUNCTIONS)
    assert {"s3_bucket", "s3_key"} <= set(json.loads(path.read_text()))


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_each_function_has_an_event(folder: str) -> None:
    assert (ROOT / "events" / f"{folder}.json").exists()


@pytest.mark.parametrize("part", ["functions", "training"])
def test_nothing_that_is_deployed_knows_the_local_cloud(part: str) -> None:
    for path in (ROOT / part).rglob("*.py"):
        source = path.read_text()
        assert "localcloud" not in source, path
        assert "AWS_ENDPOINT_URL" not in source, path


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_functions_need_nothing_but_the_runtime(folder: str) -> None:
    tree = ast.parse((ROOT / "functions" / folder / "app.py").read_text())
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    top = {name.split(".")[0] for name in imported}
    assert top <= sys.stdlib_module_names | {"boto3", "botocore"}


STEPS = ("stage", "train", "deploy", "executions", "monitor", "cleanup")


@pytest.mark.parametrize("step", STEPS)
def test_steps_do_not_import_each_other(step: str) -> None:
    tree = ast.parse((ROOT / "training" / f"{step}.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & {f"training.{other}" for other in STEPS}


def test_ci_runs_make_test() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert "make check" in script
    assert re.search(r"^check: .*\btest\b", makefile, re.MULTILINE)


def test_samconfig_s_local_stack_is_the_command_line_s_default() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    names = {config[environment]["global"]["parameters"]["stack_name"] for environment in ("default", "local")}
    assert names == {parser().parse_args([]).stack_name}
