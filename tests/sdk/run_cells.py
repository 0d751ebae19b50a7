"""Runs a notebook in py:percent format cell for cell, as Jupyter would, and tells which cell failed.

    python run_cells.py NOTEBOOK.py

A cell begins with a line `# %% Title`. It needs the standard library only: the environment of a notebook has an SDK in
it, and neither this project nor Jupyter.
"""

import re
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARKER = re.compile(r"^# %%(?P<kind> \[markdown\])?(?P<title>.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A cell of code."""

    title: str
    source: str  # preceded by empty lines, so that its line numbers are the file's


def cells_of(text: str) -> list[Cell]:
    """Return the cells of code in order; text before the first marker is not a cell."""
    markers = list(MARKER.finditer(text))
    ends = [marker.start() for marker in markers[1:]] + [len(text)]
    return [
        Cell(marker["title"].strip(), "\n" * text.count("\n", 0, marker.end()) + text[marker.end() : end])
        for marker, end in zip(markers, ends, strict=True)
        if marker["kind"] is None
    ]


def run(path: Path) -> int:
    """Run all cells in one namespace; returns the exit code of this program."""
    cells = cells_of(path.read_text())
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells, start=1):
        print(f"[{number}/{len(cells)}] {cell.title}", flush=True)
        started = time.monotonic()
        try:
            exec(compile(cell.source, str(path), "exec"), namespace)
        except Exception:
            print(traceback.format_exc(), file=sys.stderr)
            print(f"error: cell {number} of {path.name} failed: {cell.title}", file=sys.stderr)
            return 1
        print(f"    {time.monotonic() - started:.1f} s", flush=True)
    print(f"{path.name}: all {len(cells)} cells ran.")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {Path(__file__).name} NOTEBOOK.py")
    sys.exit(run(Path(sys.argv[1])))
