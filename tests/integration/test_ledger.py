import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_ledger_is_fresh(tmp_path: Path) -> None:
    collect = [sys.executable, "-m", "pytest", "tests/integration", "--collect-only", "-q"]
    made = subprocess.run(
        [*collect, "--write-ledger", tmp_path / "ledger.md"], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout
    assert (tmp_path / "ledger.md").read_text() == (ROOT / "docs/local-aws.md").read_text(), "run `make ledger`"
