"""Where the transitions of a definition lead: to a state of the same level, and in the end out of it."""

from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition import maps
from localcloud.step_functions.definition.place import Place
from localcloud.step_functions.definition.problem import Problem, error

# The severity of a state that no transition leads to.
UNREACHABLE = "WARNING"
CODE = "MISSING_TRANSITION_TARGET"


def problems(machine: dict[str, Any], place: Place) -> Iterator[Problem]:
    levels = [*all_levels(machine, place)]
    yield from duplicate_names(levels)
    for container, at in levels:
        yield from missing_targets(container, at)
    ends = any(is_terminal(state) for state in states_of(machine).values())
    if states_of(machine) and not ends:
        yield error("MISSING_END_STATE", "Workflow has no terminal state", None)
    for container, at in levels if ends else levels[1:]:
        yield from unreachable_states(container, at)


def all_levels(container: dict[str, Any], place: Place) -> Iterator[tuple[dict[str, Any], Place]]:
    """Yield the whole definition, then each branch and ItemProcessor in it."""
    yield container, place
    for name, state in states_of(container).items():
        for inner, at in maps.containers(state, place.at("States", name)):
            yield from all_levels(inner, at)


def states_of(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the states of a level that are objects at all."""
    states = container.get("States")
    return {name: one for name, one in states.items() if isinstance(one, dict)} if isinstance(states, dict) else {}


def is_terminal(state: dict[str, Any]) -> bool:
    return state.get("Type") in ("Succeed", "Fail") or state.get("End") is True


def duplicate_names(levels: list[tuple[dict[str, Any], Place]]) -> Iterator[Problem]:
    seen: set[str] = set()
    for container, place in levels:
        for name in states_of(container):
            if name in seen:
                at = place.at("States", name).location
                yield error("DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", at)
            seen.add(name)


def missing_targets(container: dict[str, Any], place: Place) -> Iterator[Problem]:
    states = container.get("States")
    if not isinstance(states, dict) or not states:
        return
    start = container.get("StartAt")
    targets = [(start, place.at("StartAt").location)] if isinstance(start, str) else []
    for name, state in states_of(container).items():
        targets += transitions_of(state, place.at("States", name))
    for target, location in targets:
        if target not in states:
            yield error(CODE, f"Missing 'Next' target: {target}", location)


def transitions_of(state: dict[str, Any], place: Place) -> Iterator[tuple[str, str]]:
    """Yield the names of the states that a state may lead to, each with its location."""
    for field in ("Next", "Default"):
        if isinstance(state.get(field), str):
            yield state[field], place.at(field).location
    for field in ("Choices", "Catch"):
        rules = state.get(field)
        for number, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict) and isinstance(rule.get("Next"), str):
                yield rule["Next"], place.item(field, number).at("Next").location


def unreachable_states(container: dict[str, Any], place: Place) -> Iterator[Problem]:
    states = states_of(container)
    reached: set[str] = set()
    waiting = [container.get("StartAt")]
    while waiting:
        name = waiting.pop()
        if isinstance(name, str) and name in states and name not in reached:
            reached.add(name)
            waiting += [target for target, _ in transitions_of(states[name], place)]
    for name in states:
        if name not in reached:
            at = place.at("States", name).location
            yield Problem(UNREACHABLE, CODE, f'State "{name}" is not reachable.', at)
