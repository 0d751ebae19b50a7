"""Contracts between the template and training: prefixes, roles, keys, outputs, tags and names."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.lambda_functions import FUNCTIONS, ROOT
from training import config
from training.arguments import parse

STEP_FILES = [path for path in (ROOT / "training").rglob("*.py") if "algorithm" not in path.parts]

PREFIXES = {
    config.CODE_PREFIX,
    config.IMAGE_PREFIX,
    config.LIST_PREFIX,
    config.MANIFEST_PREFIX,
    config.MODEL_PREFIX,
    config.CAPTURE_PREFIX,
    config.INCOMING_PREFIX,
    config.REPORT_PREFIX,
    config.VERDICT_PREFIX,
    config.WATCH_PREFIX,
}


def statements(policies: Any) -> Iterator[dict[str, Any]]:
    """Yield the statements of policies, also those that a parameter adds."""
    for policy in policies:
        for statement in policy.get("PolicyDocument", policy).get("Statement", []):
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def actions_of(statement: dict[str, Any]) -> list[str]:
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def allowed_prefixes(policies: Any) -> dict[str, set[str]]:
    """Return the prefixes of the bucket that policies name, by action."""
    allowed: dict[str, set[str]] = {}
    for statement in statements(policies):
        names = re.findall(r"\$\{bucket\.Arn\}/([^*\"]*)\*", json.dumps(statement["Resource"]))
        for action in actions_of(statement) if names else []:
            allowed[action] = allowed.get(action, set()) | set(names)
    return allowed


def if_given(condition: str, value: Any) -> dict[str, Any]:
    """Return what the template says for a value that a parameter adds."""
    return {"Fn::If": [condition, value, {"Ref": "AWS::NoValue"}]}


def test_sagemaker_may_read_and_write_where_training_puts_its_objects(template: dict[str, Any]) -> None:
    allowed = allowed_prefixes(template["Resources"]["sageMakerRole"]["Properties"]["Policies"])
    assert allowed == {
        "s3:GetObject": {
            f"{prefix}/"
            for prefix in (
                config.IMAGE_PREFIX,
                config.LIST_PREFIX,
                config.CODE_PREFIX,
                config.MODEL_PREFIX,
                config.CAPTURE_PREFIX,  # and so on: scheduled runs of monitor
                config.WATCH_PREFIX,
                config.REPORT_PREFIX,
            )
        },
        "s3:PutObject": {f"{config.MODEL_PREFIX}/", f"{config.CAPTURE_PREFIX}/", f"{config.REPORT_PREFIX}/"},
    }


@pytest.mark.parametrize(
    ("logical_id", "actions"),
    [("serializeImageData", {"s3:GetObject"}), ("classifyImage", {"s3:GetObject", "s3:GetObjectVersion"})],
)
def test_functions_may_read_the_photos_and_nothing_else(
    template: dict[str, Any], logical_id: str, actions: set[str]
) -> None:
    policies = template["Resources"][logical_id]["Properties"]["Policies"]
    prefixes = {f"{config.IMAGE_PREFIX}/", f"{config.INCOMING_PREFIX}/"}
    assert allowed_prefixes(policies) == {action: prefixes for action in actions}
    assert set(re.findall(r'"StartsOnUpload", {"Fn::Sub": "([^"]+)', json.dumps(policies))) == {
        f"${{bucket.Arn}}/{config.INCOMING_PREFIX}/*"
    }


@pytest.mark.parametrize(
    "logical_id",
    [
        "sageMakerRole",
        "serializeImageData",
        "classifyImage",
        "filterInferences",
        "tallyVerdicts",
        "imageClassification",
        "batchClassification",
        "classifyUploads",
        "uploadClassification",
    ],
)
def test_a_role_may_use_the_key_for_what_it_does_with_objects(template: dict[str, Any], logical_id: str) -> None:
    """S3 asks KMS for the caller: to read an object takes kms:Decrypt, to write one takes kms:GenerateDataKey."""
    needs = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}
    found = list(statements(template["Resources"][logical_id]["Properties"].get("Policies", [])))
    objects = {action for statement in found for action in actions_of(statement) if action in needs}
    with_key = [statement for statement in found if statement.get("Resource") == {"Ref": "KmsKeyArn"}]
    assert {action for one in with_key for action in actions_of(one)} == {needs[action] for action in objects}
    through_s3 = {"StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"}}}
    assert all(one["Condition"] == through_s3 for one in with_key)


def test_the_key_encrypts_objects_logs_and_variables(template: dict[str, Any]) -> None:
    key = if_given("HasKmsKey", {"Ref": "KmsKeyArn"})
    assert template["Globals"]["Function"]["KmsKeyArn"] == key
    groups = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::Logs::LogGroup"]
    assert [group["KmsKeyId"] for group in groups] == [key] * (len(FUNCTIONS) + 1)  # and that of executions
    (rule,) = template["Resources"]["bucket"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    condition, with_key, without_key = rule["Fn::If"]
    assert condition == "HasKmsKey"
    assert with_key["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Fn::If"][1]}
    assert without_key["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_only_captured_inferences_expire(template: dict[str, Any]) -> None:
    rules = template["Resources"]["bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = [rule["Prefix"] for rule in rules if "ExpirationInDays" in rule]
    assert expiring == [f"{config.CAPTURE_PREFIX}/"]


def test_every_prefix_of_the_template_is_one_of_training_s() -> None:
    text = (ROOT / "template.yaml").read_text()
    named = set(re.findall(r"\$\{bucket\.Arn\}/([^*\"]+)/\*", text)) | set(re.findall(r"[Pp]refix: (\S+)/", text))
    assert {prefix.partition("/")[0] for prefix in named} == PREFIXES


def test_training_s_modules_take_prefixes_from_config() -> None:
    for path in STEP_FILES:
        strings = [
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value
        ]
        written = [one for one in strings if one.strip("/").split("/")[0] in PREFIXES and "." not in one]
        assert path.name == "config.py" or not written, (path, written)


def test_the_stack_has_the_outputs_that_training_reads(template: dict[str, Any]) -> None:
    source = (ROOT / "training" / "stack.py").read_text()
    assert set(re.findall(r'outputs(?:\[|\.get\()"(\w+)"', source)) == set(template["Outputs"])


@pytest.mark.parametrize("tag", [config.STACK_TAG, config.DATASET_TAG])
def test_the_tags_that_mark_a_run_s_resources_are_written_once(tag: str) -> None:
    for path in STEP_FILES:
        assert path.name == "config.py" or f'"{tag}"' not in path.read_text(), path


def test_samconfig_s_local_stack_is_the_command_line_s_default() -> None:
    samconfig = tomllib.loads((ROOT / "samconfig.toml").read_text())
    names = {samconfig[environment]["global"]["parameters"]["stack_name"] for environment in ("default", "local")}
    assert names == {config.DEFAULT_STACK_NAME} == {parse([]).stack_name}
