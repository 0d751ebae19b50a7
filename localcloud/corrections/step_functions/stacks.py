"""State machines, versions and aliases as resources of a stack: what CloudFormation asks Step Functions to do.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_StepFunctions.html
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

from ministack.services import s3
from ministack.services.cloudformation import provisioners

from localcloud.corrections.step_functions.module import SERVICE, STORE
from localcloud.corrections.step_functions.traffic_shifting import shift
from localcloud.sagemaker.errors import ServiceError
from localcloud.step_functions.api import names

Properties = dict[str, Any]
Made = tuple[str, Properties]  # physical id, and the attributes for Fn::GetAtt

SETTINGS = {  # properties that are members of the API in another spelling
    "LoggingConfiguration": "loggingConfiguration",
    "TracingConfiguration": "tracingConfiguration",
    "EncryptionConfiguration": "encryptionConfiguration",
}
DEFAULTS = {  # of settings that a template no longer has
    "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
    "tracingConfiguration": {"enabled": False},
}


class RefusedError(Exception):
    """When Step Functions refuses what a stack asks for; the message is the status reason."""


def ask(action: str, params: Properties) -> Properties:
    """Ask Step Functions.

    Raises:
        RefusedError: With the sentence of CloudFormation's handler.
    """
    try:
        return SERVICE.answer(action, params)
    except ServiceError as err:
        told = f"{err} (Service: Sfn, Status Code: {err.status}, Request ID: {uuid.uuid4()})"
        raise RefusedError(f'Resource handler returned message: "{told}" (HandlerErrorCode: InvalidRequest)') from err


# State machines --------------------------------------------------------------------------------------------------


def create_machine(original: Callable[..., Made]) -> Callable[..., Made]:
    def create(logical_id: str, props: Properties, stack_name: str) -> Made:
        name = props.get("StateMachineName") or provisioners._physical_name(stack_name, logical_id, max_len=80)
        given = {"name": name, "type": props.get("StateMachineType"), "tags": tags_of(props), **settings_of(props)}
        if names.arn(f"stateMachine:{name}") in STORE.machines:
            raise RefusedError(f"State Machine Already Exists: '{names.arn(f'stateMachine:{name}')}'")
        arn = ask("CreateStateMachine", given)["stateMachineArn"]
        return arn, attributes_of(arn)

    return create


def update_machine(original: Callable[..., Made]) -> Callable[..., Made]:
    """Name and type require replacement, which MiniStack's CloudFormation does itself."""

    def update(
        physical_id: str,
        old_props: Properties,
        new_props: Properties,
        stack_name: str,
        logical_id: str | None = None,
    ) -> Made:
        dropped = {SETTINGS[name] for name in SETTINGS if name in old_props and name not in new_props}
        given = {name: value for name, value in DEFAULTS.items() if name in dropped} | settings_of(new_props)
        ask("UpdateStateMachine", {"stateMachineArn": physical_id, **given})
        old_tags, new_tags = ({tag["key"]: tag for tag in tags_of(props)} for props in (old_props, new_props))
        if gone := sorted(old_tags.keys() - new_tags.keys()):
            ask("UntagResource", {"resourceArn": physical_id, "tagKeys": gone})
        ask("TagResource", {"resourceArn": physical_id, "tags": list(new_tags.values())})
        return physical_id, attributes_of(physical_id)

    return update


def delete_machine(original: Callable[..., None]) -> Callable[..., None]:
    def delete(physical_id: str, props: Properties) -> None:
        ask("DeleteStateMachine", {"stateMachineArn": physical_id})

    return delete


def settings_of(props: Properties) -> Properties:
    """Return the parameters that a state machine is created and updated with."""
    found = {SETTINGS[name]: lower_first(props[name]) for name in SETTINGS if name in props}
    return {"definition": definition_of(props), "roleArn": props.get("RoleArn"), **found}


def lower_first(value: Any) -> Any:
    """Return a property in the API's spelling: members begin with a small letter there."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: lower_first(one) for name, one in value.items()}
    if isinstance(value, list):
        return [lower_first(one) for one in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def definition_of(props: Properties) -> str:
    """Return the definition from the template or from S3, with its substitutions."""
    text: str
    if location := props.get("DefinitionS3Location"):
        bucket, key, version = location.get("Bucket"), location.get("Key"), location.get("Version")
        content = s3._get_object_data(bucket, key, version_id=version)
        if content is None:
            raise RefusedError(f"The definition s3://{bucket}/{key} does not exist.")
        text = content.decode(errors="replace")
    else:
        given = props.get("DefinitionString") or props.get("Definition") or ""
        text = given if isinstance(given, str) else json.dumps(given)
    for name, value in (props.get("DefinitionSubstitutions") or {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return text


def tags_of(props: Properties) -> list[dict[str, str]]:
    return [{"key": tag.get("Key", ""), "value": tag.get("Value", "")} for tag in props.get("Tags") or []]


def attributes_of(arn: str) -> Properties:
    machine = STORE.machines[arn]
    return {"Arn": arn, "Name": machine.name, "StateMachineRevisionId": machine.revision.id}


# Versions --------------------------------------------------------------------------------------------------------


def create_version(logical_id: str, props: Properties, stack_name: str) -> Made:
    given = {
        "stateMachineArn": props.get("StateMachineArn"),
        "revisionId": props.get("StateMachineRevisionId"),
        "description": props.get("Description"),
    }
    arn = ask("PublishStateMachineVersion", given)["stateMachineVersionArn"]
    return arn, {"Arn": arn}


def update_version(
    physical_id: str, old_props: Properties, new_props: Properties, stack_name: str, logical_id: str | None = None
) -> Made:
    """Publish another version: every change of a version replaces it."""
    made = create_version(logical_id or physical_id, new_props, stack_name)
    if made[0] != physical_id:
        provisioners._delete_predecessor(delete_version, physical_id, old_props)
    return made


def delete_version(physical_id: str, props: Properties) -> None:
    ask("DeleteStateMachineVersion", {"stateMachineVersionArn": physical_id})


# Aliases ---------------------------------------------------------------------------------------------------------


def create_alias(logical_id: str, props: Properties, stack_name: str) -> Made:
    """Create an alias; a DeploymentPreference has nothing to shift from yet."""
    name = props.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=80)
    given = {"name": name, "description": props.get("Description"), "routingConfiguration": routes_of(props)}
    arn = ask("CreateStateMachineAlias", given)["stateMachineAliasArn"]
    return arn, {"Arn": arn}


def update_alias(
    physical_id: str, old_props: Properties, new_props: Properties, stack_name: str, logical_id: str | None = None
) -> Made:
    """Change where an alias leads: at once, or little by little as its DeploymentPreference says."""
    if (old_props.get("Name"), physical_id.rsplit(":", 1)[0]) != (new_props.get("Name"), machine_of(new_props)):
        made = create_alias(logical_id or physical_id, new_props, stack_name)
        provisioners._delete_predecessor(delete_alias, physical_id, old_props)
        return made
    alias = {"stateMachineAliasArn": physical_id}
    ask("UpdateStateMachineAlias", {**alias, "description": new_props.get("Description", "")})
    before = ask("DescribeStateMachineAlias", alias)["routingConfiguration"]

    def route(routes: list[dict[str, Any]]) -> None:
        ask("UpdateStateMachineAlias", {**alias, "routingConfiguration": routes})

    shift(before, routes_of(new_props), new_props.get("DeploymentPreference") or {}, route)
    return physical_id, {"Arn": physical_id}


def delete_alias(physical_id: str, props: Properties) -> None:
    ask("DeleteStateMachineAlias", {"stateMachineAliasArn": physical_id})


def routes_of(props: Properties) -> list[dict[str, Any]]:
    """Return where an alias leads when nothing is shifted any more."""
    if preference := props.get("DeploymentPreference"):
        return [{"stateMachineVersionArn": preference.get("StateMachineVersionArn"), "weight": 100}]
    routes = props.get("RoutingConfiguration") or []
    return [
        {"stateMachineVersionArn": route.get("StateMachineVersionArn"), "weight": int(route.get("Weight", 0))}
        for route in routes
    ]


def machine_of(props: Properties) -> str:
    return str(routes_of(props)[0]["stateMachineVersionArn"]).rsplit(":", 1)[0] if routes_of(props) else ""


VERSION = {"create": create_version, "update": update_version, "update_with_logical_id": True, "delete": delete_version}
ALIAS = {"create": create_alias, "update": update_alias, "update_with_logical_id": True, "delete": delete_alias}
