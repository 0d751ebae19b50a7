"""Where in a definition a check looks, and what holds there."""

from dataclasses import dataclass, replace

JSONPATH, JSONATA = "JSONPath", "JSONata"


@dataclass(frozen=True)
class Place:
    """An object of a definition."""

    location: str  # such as /States/A; "" for the whole
    language: str  # of the state
    machine_language: str  # of the whole definition
    kind: str  # STANDARD or EXPRESS
    state_type: str = ""

    def at(self, *steps: str) -> "Place":
        return replace(self, location="/".join([self.location, *steps]))

    def item(self, field: str, number: int) -> "Place":
        return replace(self, location=f"{self.location}/{field}[{number}]")

    def inner(self, field: str, kind: str) -> "Place":
        """Return the place of the states that a Map or Parallel state holds: its own language is not theirs."""
        return replace(self, location=f"{self.location}/{field}", language=self.machine_language, kind=kind)
