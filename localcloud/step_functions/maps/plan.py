"""What the fields of a Distributed Map say, in both query languages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.step_functions.expressions import ExpressionError, jsonata, paths, templates
from localcloud.step_functions.interpreter.documents import DATA_LIMIT, Document, to_json
from localcloud.step_functions.interpreter.failures import RUNTIME
from localcloud.step_functions.interpreter.inline_map import item_input
from localcloud.step_functions.interpreter.visit import Visit
from localcloud.step_functions.maps.batches import Batching
from localcloud.step_functions.maps.spool import SpooledItem

MOST_ITEMS = 100_000_000  # of a dataset


@dataclass(frozen=True)
class Plan:
    """The fields of one attempt of a Distributed Map."""

    visit: Visit
    given: Document  # the state's effective input

    @property
    def reader(self) -> Mapping[str, Any] | None:
        reader: Mapping[str, Any] | None = self.visit.state.get("ItemReader")
        return reader

    @property
    def writer(self) -> Mapping[str, Any]:
        writer: Mapping[str, Any] = self.visit.state.get("ResultWriter", {})
        return writer

    def arguments(self, field: str) -> Mapping[str, Any]:
        """Return the arguments of ItemReader or ResultWriter.

        Raises:
            ExpressionError: They are no object.
        """
        holder = self.visit.state[field]
        name = "Arguments" if self.visit.is_jsonata else "Parameters"
        found = self._template(holder.get(name, {}), f"{field}/{name}")
        if not isinstance(found, dict) or not isinstance(found.get("Bucket"), str):
            raise ExpressionError(RUNTIME, f"The {name} of {field} must have a Bucket, which is a string.")
        return found

    def most_items(self) -> int:
        """Return MaxItems of the ItemReader, 0 for no limit.

        Raises:
            ExpressionError: It is no whole number.
        """
        holder = (self.reader or {}).get("ReaderConfig", {})
        most = self._number(holder, "MaxItems", "ItemReader/ReaderConfig") or 0
        if isinstance(most, str) and most.lstrip("-").isdigit():
            most = int(most)
        if isinstance(most, bool) or not isinstance(most, int):
            written = most if isinstance(most, str) else to_json(most)
            sentence = f'The MaxItemsPath field refers to value "{written}" which is not a valid integer: '
            raise ExpressionError(RUNTIME, f"{sentence}{holder.get('MaxItemsPath')}")
        return min(most, MOST_ITEMS)

    def batching(self) -> Batching | None:
        """Return how items are put together, None when each has a child of its own."""
        holder = self.visit.state.get("ItemBatcher")
        if holder is None:
            return None
        most_items = self._positive(holder, "MaxItemsPerBatch")
        most_bytes = self._positive(holder, "MaxInputBytesPerBatch") or DATA_LIMIT
        given = holder.get("BatchInput")
        filled = None if given is None else to_json(self._template(given, "ItemBatcher/BatchInput"))
        return Batching(most_items, min(most_bytes, DATA_LIMIT), filled)

    def tolerance(self) -> tuple[int | None, float | None]:
        """Return ToleratedFailureCount and ToleratedFailurePercentage, None where they are not given.

        Raises:
            ExpressionError: They are no such numbers.
        """
        count = self._tolerated("Count", "integer")
        percentage = self._tolerated("Percentage", "float")
        if count is not None and count < 0:
            raise ExpressionError(RUNTIME, "ToleratedFailureCount cannot be negative.")
        if percentage is not None and not 0 <= percentage <= 100:
            raise ExpressionError(RUNTIME, "ToleratedFailurePercentage must be between 0 and 100.")
        return None if count is None else int(count), percentage

    def select(self, item: SpooledItem) -> str:
        """Return what a child gets of an item, as JSON."""
        if "ItemSelector" not in self.visit.state and "Parameters" not in self.visit.state:
            return item.text
        key = {} if item.key is None else {"Key": item.key}
        value = Document.parse(item.text).value
        context = {"Item": {"Index": item.index, **key, "Value": value, "Source": item.source}}
        return item_input(self.visit, self.given, context).text

    def _template(self, template: Any, location: str) -> Any:
        if self.visit.is_jsonata:
            return jsonata.evaluate(template, self.visit.bindings(), location)
        return templates.fill(template, self.visit.scope(self.given.value), location.rpartition("/")[2])

    def _number(self, holder: Mapping[str, Any], name: str, location: str) -> Any:
        """Return a number that a field, an expression in it, or its Path gives; None without one."""
        if f"{name}Path" in holder:
            return paths.read(holder[f"{name}Path"], self.visit.scope(self.given.value), f"{name}Path")
        found = holder.get(name)
        if not self.visit.is_jsonata or found is None:
            return found
        return self.visit.evaluate(found, f"{location}/{name}".lstrip("/"), "number")

    def _positive(self, holder: Mapping[str, Any], name: str) -> int | None:
        found = self._number(holder, name, "ItemBatcher")
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int) or found <= 0:
            raise ExpressionError(RUNTIME, f"The field {name} must be a positive integer but was {to_json(found)}.")
        return found

    def _tolerated(self, name: str, kind: str) -> float | None:
        field = f"ToleratedFailure{name}"
        found = self._number(self.visit.state, field, "")
        if found is None:
            return None
        if isinstance(found, str) and found.isdigit():
            found = int(found)
        is_whole = isinstance(found, int) and not isinstance(found, bool)
        if is_whole or (kind == "float" and isinstance(found, float)):
            return float(found)
        written = found if isinstance(found, str) else to_json(found)
        path = self.visit.state.get(f"{field}Path")
        sentence = f'The {field}Path field refers to value "{written}" which is not a valid {kind}: {path}'
        raise ExpressionError(RUNTIME, sentence)


def sourced(items: list[Any], source: str) -> Iterator[tuple[Any, str | None, str]]:
    """Yield items of the state's input with where they come from."""
    return ((item, None, source) for item in items)
