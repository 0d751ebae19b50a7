"""The command line of the steps: `python training/run.py [STEP] [options]`, which is also installed as `scones`.

This is the edge of the process: every error ends here, in one sentence and an exit code. What takes time to import is
imported inside `main`, so that a Ctrl-C meanwhile is answered too.
"""

import sys

TYPE_CHECKING = False  # typing's own takes time to import
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from typing import Any

    from rich.console import Console


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run the steps that the command line names; returns the exit code."""
    try:
        from training.streams import flush_streams

        try:
            return run(argv)
        finally:
            flush_streams()
    except KeyboardInterrupt as err:
        return interrupted(*map(str, err.args))
    except ModuleNotFoundError as err:
        tell(f"error: {sys.executable} has no package {err.name}: run `source .venv/bin/activate` first.")
        return 1


def interrupted(how: str = "Interrupted: run the same command to resume.") -> int:
    """Say how to resume; returns the exit code. Another Ctrl-C ends the process at once, threads and all."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    tell(how)
    return 130


def tell(sentence: str) -> None:
    """Write a sentence to stderr without a library, which may not be there yet."""
    try:
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
    except (OSError, AttributeError):  # nobody listens, or the process was started with stderr closed
        return


def run(argv: "Sequence[str] | None") -> int:
    """Run the steps and show their figures; returns the exit code."""
    from training.arguments import parse

    arguments = parse(argv)
    from training import steps
    from training.console import PlainConsole

    console = PlainConsole(stderr=True)
    try:
        if arguments.json:
            check_stdout()
        context = steps.connect(arguments, console)
        with steps.telling_what_runs_on(context, arguments.step):
            figures = steps.run_steps(context, arguments)
            show(figures, arguments, console)
    except ModuleNotFoundError:
        raise
    except Exception as err:
        fail(err, arguments.stack_name, console)
        return 1
    return exit_code(figures, arguments.step)


def exit_code(figures: "dict[str, Any]", step: str) -> int:
    """Return 3 when the step judged the model and its answers must not be used, so that a scheduler can act."""
    judged = step in ("all", "monitor") and figures.get("verdict", {}).get("state") == "stop"
    return 3 if judged else 0


def fail(err: Exception, stack_name: str, console: "Console") -> None:
    """Print one sentence: what was wrong and what to do."""
    from contextlib import suppress

    from rich.text import Text

    from training.config import run_directory
    from training.explanations import explain, explain_unexpected

    sentence = explain(err) or explain_unexpected(err, run_directory(stack_name))
    with suppress(OSError):  # nobody can be told that stderr is full
        console.print(Text("error:", "red"), sentence, highlight=False, soft_wrap=True)


def show(figures: "dict[str, Any]", arguments: "Namespace", console: "Console") -> None:
    """Print the figures, to stdout as JSON or to the console as a table; after a whole run, what to type next.

    Raises:
        OutputError: The JSON could not be written.
    """
    from training import summary
    from training.config import COMBINED_STEPS, WITHOUT_SUMMARY

    if arguments.json:
        write_json(figures)
        return
    if arguments.step in WITHOUT_SUMMARY or "schedule" in figures or getattr(arguments, "dry_run", False):
        return  # what was found has been printed
    console.print(summary.table(figures))
    if arguments.step in COMBINED_STEPS:
        commands = summary.next_commands(figures["report"], arguments.stack_name)
        console.print("\nNext, in a new shell:", *commands, sep="\n  ", highlight=False, soft_wrap=True)


def check_stdout() -> None:
    """Refuse to work for hours for a result that nobody can get.

    Raises:
        OutputError: The process was started with stdout closed.
    """
    from training.errors import OutputError

    if sys.stdout is None:
        raise OutputError("--json writes to stdout, which is closed: leave it open, or leave --json out.")


def write_json(figures: "dict[str, Any]") -> None:
    """Print the figures to stdout.

    Raises:
        OutputError: Its reader is gone, or its disk is full.
    """
    import json

    from training.errors import OutputError

    try:
        print(json.dumps(figures, allow_nan=False), flush=True)
    except OSError as err:
        raise OutputError(
            f"The steps are done, but stdout cannot be written ({err.strerror}): "
            "run the last step again with --json and stdout open."
        ) from err


if __name__ == "__main__":
    # Python puts the directory of a script first: `import statistics` anywhere would find training/statistics.
    if sys.path[0] == __file__.rpartition("/")[0]:
        del sys.path[0]
    sys.exit(main())
