"""The table of small state machines: each with AWS's answer, and where that answer is recorded.

A file of tests/integration/data/state_machines has groups; a group is a line of the ledger and has cases. Where
a group has `level` and `note`, its answers are ours and the note has AWS's. A case has

- `definition`, or `state`, one state that ends the state machine; a text is sent as it is,
- `input`, {} where it is missing,
- `refused`, what CreateStateMachine says, or `diagnostics`, what ValidateStateMachineDefinition finds; otherwise
- `status`, `output`, `error`, `cause` of the execution and `says`, parts of the cause where AWS's wording is not known,
- `history`, the types of the events, or what is known of each: {type: details}; `previous`, their previousEventId,
- `source`, where AWS's answer is recorded: an address, or a name of the file's `sources`.

`${Function}` stands for the ARN of a function that sleeps the event's `sleep`, then raises its `raise`, returns
its `return` or else the event; `${Region}` for the region.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

DATA = Path(__file__).parents[1] / "data" / "state_machines"
ENDLESS = ("Choice", "Fail", "Succeed")  # states that have no End


@dataclass(frozen=True)
class Case:
    """One small state machine and AWS's answer."""

    name: str
    group: str
    source: str  # an address
    answer: dict[str, Any]  # the fields of the file

    def definition(self, substitutions: dict[str, str]) -> str:
        """Return the definition's text, with ${Name} replaced."""
        text = self._text()
        for name, value in substitutions.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    def _text(self) -> str:
        if "state" in self.answer:
            state: dict[str, Any] = self.answer["state"]
            ending = {} if state["Type"] in ENDLESS else {"End": True}
            return json.dumps({"StartAt": "S", "States": {"S": state | ending}})
        definition = self.answer["definition"]
        return definition if isinstance(definition, str) else json.dumps(definition)


def parameters() -> list[Any]:
    """Return the cases for pytest, each with the mark of its line in the ledger."""
    return [
        pytest.param(case, id=f"{path.stem}: {case.name}", marks=pytest.mark.aws("Step Functions", *ledger))
        for path in sorted(DATA.glob("*.yaml"))
        for case, ledger in _cases(yaml_parse(path.read_text()))
    ]


def _cases(file: dict[str, Any]) -> Iterator[tuple[Case, list[str]]]:
    sources: dict[str, str] = file["sources"]
    for group in file["groups"]:
        ledger = [group["behaviour"], *([group["level"], group["note"]] if "level" in group else ["exact"])]
        for answer in group["cases"]:
            source = answer.get("source", group.get("source"))
            yield Case(answer["name"], group["behaviour"], sources.get(source, source), answer), ledger
