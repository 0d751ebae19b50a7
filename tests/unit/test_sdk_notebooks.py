"""The program that runs the notebooks of the SageMaker SDK cell for cell; `make test-sdk` runs the notebooks."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sdk.run import NOTEBOOKS
from tests.sdk.run_cells import cells_of

SDK = Path(__file__).parents[1] / "sdk"
NOTEBOOK = '''"""A notebook."""

# %% First
value = 1
# %% [markdown]
# Text, with a line that looks like code: raise SystemExit
# %% Second
value += 1
print("value", value)
# %% Third
raise ValueError("wrong")
# %% Fourth
print("not reached")
'''


def run_cells(path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(SDK / "run_cells.py"), str(path)], capture_output=True, text=True)


def test_cells_share_their_variables_and_the_one_that_fails_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notebook.py"
    path.write_text(NOTEBOOK)
    done = run_cells(path)
    assert done.returncode == 1
    assert "[2/4] Second\nvalue 2" in done.stdout and "not reached" not in done.stdout
    assert done.stderr.rstrip().endswith("error: cell 3 of notebook.py failed: Third")
    assert f'File "{path}", line 11' in done.stderr


def test_a_notebook_whose_cells_all_run_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "notebook.py"
    path.write_text(NOTEBOOK.replace("raise ValueError", "str"))
    done = run_cells(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("notebook.py: all 4 cells ran.\n")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_has_an_environment_and_titled_cells(name: str) -> None:
    assert (SDK / f"{name}.txt").exists()
    cells = cells_of((SDK / f"notebook_{name}.py").read_text())
    assert len(cells) > 10 and all(cell.title for cell in cells)
    for cell in cells:
        compile(cell.source, name, "exec")
