"""`python -m drill [--quick] [PART]`: the drill, part by part, as one table."""

import sys
from collections.abc import Callable, Iterable

from commandline.parser import Parser
from drill import archives, crashes, disk, folders, handlers, web_page
from drill.finding import Finding
from drill.table import show

PARTS: dict[str, Callable[[], Iterable[Finding]]] = {
    "handlers": handlers.findings,
    "archives": archives.findings,
    "folders": folders.findings,
    "disk": disk.findings,
    "web-page": web_page.findings,
    "crashes": crashes.findings,
}
QUICK = ("handlers", "archives", "folders")


def main() -> int:
    parser = Parser(prog="python -m drill", description="Provoke faults on purpose and tell what happened.")
    parser.add_argument("part", nargs="?", metavar="PART", choices=PARTS, help=f"one of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help=f"only the parts that need no cloud: {', '.join(QUICK)}")
    options = parser.parse_args()
    chosen = [options.part] if options.part else QUICK if options.quick else PARTS
    return show(finding for name in chosen for finding in PARTS[name]())


if __name__ == "__main__":
    sys.exit(main())
