"""Shows findings as they come, as a table: fault, what happened, as designed or not."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from drill.finding import Finding


def show(findings: Iterable[Finding]) -> int:
    """Print the table and return the exit code: 1 when a finding is not as designed."""
    console = Console(width=None if Console().is_terminal else 160)
    table = Table("Fault", "What happened", "As designed")
    failed = 0
    for finding in findings:
        failed += not finding.as_designed
        style = None if finding.as_designed else "bold red"
        words = (finding.fault, finding.happened, "yes" if finding.as_designed else "NO")
        table.add_row(*map(Text, words), style=style)
        console.print(f"{finding.fault}: {finding.happened}", style="dim", markup=False, highlight=False)
    console.print(table)
    console.print(f"{len(table.rows)} faults, {failed} not as designed.")
    return 1 if failed else 0
