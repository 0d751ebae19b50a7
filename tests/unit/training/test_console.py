"""Names from outside are printed as they are: they are no markup, no emoji, and do not steer the terminal."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table

from training.console import PlainConsole

ROOT = Path(__file__).parents[3]
HOSTILE = ["[/]", "[bold]x[/bold]", "[link=http://x]y", ":smile:", "a[", "\\[/]", "[/red]é"]


def console() -> tuple[PlainConsole, io.StringIO]:
    file = io.StringIO()
    return PlainConsole(file=file, width=120, force_terminal=True, color_system=None), file


@pytest.mark.parametrize("name", HOSTILE)
def test_markup_in_a_name_is_printed(name: str) -> None:
    printer, file = console()
    table = Table("class", title=name)
    table.add_column(name)
    table.add_row(name, name)
    printer.print(f"class {name}", name)
    printer.print(table)
    printer.rule(name)
    assert file.getvalue().count(name) == 7


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\rb", r"a\rb"),
        ("\u202egnp", r"\u202egnp"),
        ("\udcff", r"\udcff"),
        ("é\u200d", "é\u200d"),
    ],
)
def test_characters_that_steer_a_terminal_are_spelled_out(name: str, shown: str) -> None:
    printer, file = console()
    printer.print(name, highlight=False)
    assert file.getvalue() == f"{shown}\n"


def test_a_reader_that_is_gone_does_not_end_the_work() -> None:
    program = (
        "import sys, time\nfrom training.console import PlainConsole\nfrom training.streams import flush_streams\n"
        "console = PlainConsole(stderr=True)\nsys.stdin.read()\n"
        "for _ in range(9): console.print('x ' * 5000)\n"
        "print('done', flush=True)\nflush_streams()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout and process.stderr
    process.stderr.close()
    process.stdin.close()
    assert process.stdout.read() == "done\n"
    process.stdout.close()
    assert process.wait() == 0
