"""Every action by its name, and the check of a request against botocore's model."""

import functools
from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.validation import service_model, validate
from localcloud.step_functions.api import aliases, executions, histories, machines, map_runs, names, tags, versions
from localcloud.step_functions.execution import Execution
from localcloud.step_functions.store import Store

Parameters = dict[str, Any]
Run = Callable[[Execution], None]


def list_executions(store: Store, params: Parameters) -> Parameters:
    """List the executions of a state machine or of a Map Run."""
    if ("stateMachineArn" in params) == ("mapRunArn" in params):
        raise names.invalid("Must specify exactly one of 'stateMachineArn' or 'mapRunArn'")
    if "mapRunArn" in params:
        return map_runs.list_children(params)
    return executions.list_executions(store, params)


ACTIONS: dict[str, Callable[[Store, Parameters], Parameters]] = {
    "CreateStateMachine": machines.create,
    "UpdateStateMachine": machines.update,
    "DescribeStateMachine": machines.describe,
    "DeleteStateMachine": machines.delete,
    "ListStateMachines": machines.list_machines,
    "ValidateStateMachineDefinition": machines.validate_definition,
    "PublishStateMachineVersion": versions.publish,
    "ListStateMachineVersions": versions.list_versions,
    "DeleteStateMachineVersion": versions.delete,
    "CreateStateMachineAlias": aliases.create,
    "UpdateStateMachineAlias": aliases.update,
    "DescribeStateMachineAlias": aliases.describe,
    "DeleteStateMachineAlias": aliases.delete,
    "ListStateMachineAliases": aliases.list_aliases,
    "StopExecution": executions.stop_execution,
    "RedriveExecution": executions.redrive,
    "DescribeExecution": executions.describe,
    "ListExecutions": list_executions,
    "DescribeStateMachineForExecution": executions.describe_machine,
    "GetExecutionHistory": histories.get,
    "ListMapRuns": map_runs.list_map_runs,
    "DescribeMapRun": map_runs.describe,
    "UpdateMapRun": map_runs.update,
    "TagResource": tags.tag,
    "UntagResource": tags.untag,
    "ListTagsForResource": tags.list_tags,
}
WAITS = "StartSyncExecution"  # the action that answers when its execution has ended


class Service:
    """Step Functions as its clients see it."""

    def __init__(self, store: Store, start: Run, run: Run) -> None:
        """Take what starts an execution in the background, and what runs one in the thread that calls."""
        self.store = store
        self._actions: dict[str, Callable[[Parameters], Parameters]] = {
            **{name: functools.partial(act, store) for name, act in ACTIONS.items()},
            "StartExecution": functools.partial(executions.start, store, start),
            WAITS: functools.partial(executions.start_sync, store, run),
        }

    def answer(self, action: str, params: Any) -> Parameters:
        """Take an action for the account and region of the request under way.

        Raises:
            ServiceError: The request is refused.
        """
        if action not in self._actions:
            raise ServiceError("UnknownOperationException", f"The local cloud does not emulate states:{action}.")
        if not isinstance(params, dict):
            raise ServiceError("SerializationException", "The request must be of type structure.")
        given = {name: value for name, value in params.items() if value is not None}
        names.check_request(action, given)
        shape = service_model("stepfunctions").operation_model(action).input_shape
        assert shape is not None
        validate(given, shape)
        return self._actions[action](given)
