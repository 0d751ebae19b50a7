"""One visit of a state: its context object, and its fields in both query languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.step_functions.expressions import ExpressionError, Scope, jsonata, paths, templates
from localcloud.step_functions.interpreter.branch import Branch
from localcloud.step_functions.interpreter.documents import Document, to_json
from localcloud.step_functions.interpreter.failures import EVALUATION_FAILED, StateFailedError

JSONATA = "JSONata"


@dataclass(eq=False)
class Visit:
    """A state that a branch has entered."""

    branch: Branch
    name: str
    state: Mapping[str, Any]  # its definition
    language: str  # JSONata or JSONPath
    input: Document
    entered_id: int  # of the event that tells so
    entered_time: str = field(default_factory=lambda: timestamp())
    retries: int = 0
    retries_by_rule: dict[int, int] = field(default_factory=dict)  # by the number of the retrier
    kept: dict[int, Document] = field(default_factory=dict)  # outputs of branches or iterations that succeeded
    map_course: Any = None  # of the Map Run that it has started
    exit_previous: int | None = None  # what the event of its exit points at, when it is not the chain's last

    @property
    def kind(self) -> str:
        return str(self.state["Type"])

    @property
    def is_jsonata(self) -> bool:
        return self.language == JSONATA

    @property
    def context(self) -> dict[str, Any]:
        """The context object."""
        state = {"EnteredTime": self.entered_time, "Name": self.name, "RetryCount": self.retries}
        item = {} if self.branch.item is None else {"Map": self.branch.item}
        return {**self.branch.run.context, "State": state, **item}

    def scope(self, data: Any, context: Mapping[str, Any] | None = None) -> Scope:
        """Return what JSONPath reads when `$` is this data."""
        return Scope(data, context or self.context, self.branch.variables)

    def bindings(self, context: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Return what JSONata reads: variables, and `states` with, for example, its result."""
        states = {"input": self.input.value, "context": context or self.context, **more}
        return {**self.branch.variables, "states": states}

    def evaluate(self, template: Any, location: str, kind: str) -> Any:
        """Return what a JSONata field gives, of a type such as number.

        Raises:
            ExpressionError: It is of another type.
        """
        return jsonata.expect(jsonata.evaluate(template, self.bindings(), location), kind, template, location)

    def read(self, name: str, kind: str, document: Document) -> Any:
        """Return the value of a field such as TimeoutSeconds, an expression or path, or None without one."""
        if f"{name}Path" in self.state:
            return paths.read(self.state[f"{name}Path"], self.scope(document.value), f"{name}Path")
        given = self.state.get(name)
        return self.evaluate(given, name, kind) if self.is_jsonata and given is not None else given

    def effective_input(self) -> Document:
        """Return what InputPath selects."""
        path = "$" if self.is_jsonata else self.state.get("InputPath", "$")
        return self.select(path, self.input, "InputPath")

    def select(self, path: str | None, document: Document, field_name: str) -> Document:
        """Return what a path such as OutputPath selects; null selects an empty object."""
        if path == "$":
            return document
        if path is None:
            return Document({})
        return Document(paths.read(path, self.scope(document.value), field_name))

    def arguments(self, document: Document) -> Document:
        """Return what Parameters or Arguments make of the input."""
        field_name = "Arguments" if self.is_jsonata else "Parameters"
        if field_name not in self.state:
            return document
        template = self.state[field_name]
        if self.is_jsonata:
            return Document(jsonata.evaluate(template, self.bindings(), field_name))
        return Document(templates.fill(template, self.scope(document.value), field_name))

    def again(self) -> None:
        """Prepare the visit for a redrive: retriers count anew, and what succeeded stays."""
        self.retries = 0
        self.retries_by_rule.clear()
        self.exit_previous = None
        self.branch.state_type = self.kind

    def failure_of(self, err: ExpressionError) -> StateFailedError:
        """Return how the state fails by an expression, and record it when it was JSONata."""
        cause = f"An error occurred while executing the state '{self.name}' (entered at the event id "
        cause += f"#{self.entered_id}). {err.cause}"
        if err.error == EVALUATION_FAILED:
            details = {"error": err.error, "cause": cause, "location": err.location, "state": self.name}
            self.branch.add("EvaluationFailed", details)
        return StateFailedError(err.error, cause)


@dataclass(frozen=True)
class Outcome:
    """How a visit ends."""

    output: Document
    next: str | None  # the state that follows; None at the end of the branch
    assigned: Mapping[str, Any] = field(default_factory=dict)  # variables


def enter(branch: Branch, name: str, state: Mapping[str, Any], document: Document, language: str) -> Visit:
    """Record that the branch enters a state."""
    branch.state_type = state["Type"]
    details = {"name": name, "input": document.text, "inputDetails": {"truncated": False}}
    entered_id = branch.add(f"{state['Type']}StateEntered", details)
    return Visit(branch, name, state, state.get("QueryLanguage", language), document, entered_id)


def exit_state(visit: Visit, outcome: Outcome) -> None:
    """Record that the branch leaves a state, and set the variables that it assigns."""
    branch, details = visit.branch, exited_details(visit, outcome)
    if visit.exit_previous is not None:
        branch.previous = visit.exit_previous
    branch.add(f"{visit.kind}StateExited", details)
    branch.variables.update(outcome.assigned)
    branch.state_type = None


def exited_details(visit: Visit, outcome: Outcome) -> dict[str, Any]:
    told = {"name": visit.name, "output": outcome.output.text, "outputDetails": {"truncated": False}}
    if not outcome.assigned:
        return told
    assigned = {name: to_json(value) for name, value in outcome.assigned.items()}
    return {**told, "assignedVariables": assigned, "assignedVariablesDetails": {"truncated": False}}


def timestamp(moment: datetime | None = None) -> str:
    """Return a time, by default this one, as the context object tells it."""
    return (moment or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
