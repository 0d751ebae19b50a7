"""Filters of paths as Jayway's JsonPath evaluates them: of a list they select objects, of an object the object itself.

"The @ operator, matching the current node being processed in a filter, does not match scalar values. It only matches
objects." https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from collections.abc import Iterable
from typing import Any

from jsonpath import JSONPathEnvironment, JSONPathMatch, JSONPathSyntaxError
from jsonpath.parse import Parser
from jsonpath.selectors import Filter, FilterContext
from jsonpath.stream import TokenStream


class _ObjectFilter(Filter):
    def resolve(self, node: JSONPathMatch) -> Iterable[JSONPathMatch]:
        if isinstance(node.obj, dict):
            if self._selects(node, node.obj):
                yield node
        elif isinstance(node.obj, list):
            for index, value in enumerate(node.obj):
                if isinstance(value, dict) and self._selects(node, value):
                    yield node.new_child(value, index)

    def _selects(self, node: JSONPathMatch, value: dict[str, Any]) -> bool:
        context = FilterContext(env=self.env, current=value, root=node.root, extra_context=node.filter_context())
        return bool(self.expression.evaluate(context))


class _Parser(Parser):
    def parse_filter_selector(self, stream: TokenStream, *, keys: bool = False) -> Filter:
        token = stream.current()
        selector = super().parse_filter_selector(stream)
        if keys or not isinstance(selector, Filter):  # filters of keys are the library's own
            raise JSONPathSyntaxError(f"unexpected token {token.value!r}", token=token)
        return _ObjectFilter(env=self.env, token=selector.token, expression=selector.expression)


class Environment(JSONPathEnvironment):
    """Compiles the paths that select several values."""

    parser_class = _Parser
