"""An argument parser that suggests the right word for a mistyped one, as Python 3.14's own does."""

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import Any


class Parser(argparse.ArgumentParser):
    """Reports an unknown command or option together with the nearest one; subcommands report their own."""

    def parse_known_args(  # type: ignore[override]  # typeshed's overloads differ in the namespace only
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuse unknown arguments here: the main parser, which would refuse them later, lacks these options."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._suggest_option(unknown[0])}")
        return known, unknown

    def options(self) -> dict[str, argparse.Action]:
        """Return each option of this parser, as it is typed, with its action."""
        return {option: action for action in self._actions for option in action.option_strings}

    def _suggest_option(self, word: str) -> str:
        return suggestion(word.partition("=")[0], self.options())

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as err:
            err.message += suggestion(str(value), map(str, action.choices or ()))
            raise


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest known word, "" when none is near."""
    nearest = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""
