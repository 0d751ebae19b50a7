"""The console of the steps: what comes from outside is shown as it is, and means nothing."""

from typing import Any

from rich.console import Console
from rich.text import Text

from training.streams import discard, visible


class PlainConsole(Console):
    """Prints `[/]` and `:smile:` as they are, and spells out the characters that steer a terminal.

    A spinner reads markup from a string whatever its console says: give it a `Text`.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(markup=False, emoji=False, **settings)

    def render_str(self, text: str, **settings: Any) -> Text:
        """Make text of a string; every string comes here, those in tables too."""
        return super().render_str(visible(text), **settings)

    def on_broken_pipe(self) -> None:
        """Go on without a reader: `2>&1 | head` must not end a training."""
        self.quiet = True
        discard(self.file)
