"""What the children of a Map Run gave: as the output of the state, and as records in files."""

import json
from typing import Any, Protocol

from localcloud.step_functions.execution import Execution
from localcloud.step_functions.interpreter.documents import DATA_LIMIT
from localcloud.step_functions.interpreter.visit import timestamp

NONE, COMPACT, FLATTEN = "NONE", "COMPACT", "FLATTEN"


def record_of(child: Execution) -> dict[str, Any]:
    """Return what Transformation NONE tells of a child execution, and every transformation of one that failed."""
    succeeded = child.status == "SUCCEEDED"
    reason = "Execution is SUCCEEDED and cannot be redriven" if succeeded else None
    told = {
        "ExecutionArn": child.arn,
        "Input": child.input,
        "InputDetails": {"Included": True},
        "Name": child.name,
        "Output": child.output,
        "OutputDetails": {"Included": True} if succeeded else None,
        "Error": child.error,
        "Cause": child.cause,
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE" if succeeded else "REDRIVABLE_BY_MAP_RUN",
        "RedriveStatusReason": reason,
        "StartDate": timestamp(child.started),
        "StateMachineArn": child.machine_arn,
        "Status": child.status,
        "StopDate": timestamp(child.stopped),
    }
    return {name: value for name, value in told.items() if value is not None}


def entries_of(child: Execution, transformation: str) -> list[Any]:
    """Return what a child adds to the results."""
    if child.status != "SUCCEEDED" or transformation == NONE:
        return [record_of(child)]
    output = json.loads(child.output or "null")
    return output if transformation == FLATTEN and isinstance(output, list) else [output]


class Results(Protocol):
    """Takes what children gave."""

    def add(self, number: int, child: Execution) -> None: ...
    @property
    def has_full_files(self) -> bool: ...
    def write_full_files(self) -> None: ...


class Collected:
    """The results that become the output of the state, in the order of the children."""

    def __init__(self, transformation: str) -> None:
        self._transformation = transformation
        self._by_number: dict[int, list[Any]] = {}
        self._size = 0
        self.is_too_large = False  # so that the output is, too: nothing more is kept

    def add(self, number: int, child: Execution) -> None:
        self._size += len(child.output or "")
        if self._size > 2 * DATA_LIMIT and self._transformation != NONE:
            self.is_too_large = True
            self._by_number.clear()
        if not self.is_too_large:
            self._by_number[number] = entries_of(child, self._transformation)

    @property
    def has_full_files(self) -> bool:
        return False

    def write_full_files(self) -> None:
        """Do nothing: nothing is written."""

    def output(self) -> list[Any]:
        return [entry for number in sorted(self._by_number) for entry in self._by_number[number]]
