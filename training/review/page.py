"""Renders the page of a review: for the server, or as one file that needs none."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(nonce: str, settings: dict[str, Any]) -> str:
    """Return the page as HTML.

    Args:
        nonce: Of its style and its script, which the content security policy allows and no others.
        settings: `mode` (server or file), `title`, `classes`, `choices`, `threshold`; in a file also `tasks` and
            `export`.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        nonce=nonce, settings=settings, embedded=embeddable(settings), is_file=settings["mode"] == "file"
    )


def embeddable(value: Any) -> str:
    """Return JSON that can stand in a script element: nothing in it ends the element or begins a comment."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
