"""The end of each step's help: commands to copy, and what the exit codes mean."""

import textwrap

COLUMNS = 80
EXIT_CODES = (
    "Exit codes: 0 when the verdict is healthy or check, 3 when it is stop, 1 for an error, 2 for wrong usage. "
    "An interval of 95 % decides: its whole must lie beyond a limit."
)
JUDGED = ("all", "monitor", "learn")  # the steps that end with a verdict
# Words of a command line by its step, and what they do.
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "all": (
        ("all --dry-run", "what a run creates, what that costs, what AWS would refuse"),
        ("all --json", "one JSON object with the results on stdout"),
    ),
    "stage": (
        ("stage --classes bicycle,motorcycle", "two classes of CIFAR-100"),
        ("stage --images ~/photos", "your own: ~/photos/cat/1.jpg, ~/photos/dog/2.heic, ..."),
    ),
    "train": (
        ("train --epochs 40", "fewer passes than the algorithm's own"),
        ("train --cross-validate 5", "also answers to photos that a network had not seen"),
        ("train --with-reviewed", "with the answers of the step review too"),
    ),
    "deploy": (
        ("deploy --expires-in 3d", "delete the endpoint after three days"),
        ("deploy --instances 2-4", "as many machines as the requests need"),
    ),
    "test": (("test --executions 500 --concurrency 100", "more executions than 200, more at once than 50"),),
    "monitor": (
        ("monitor --min-accuracy 0.9", "verdict stop when fewer photos are right"),
        ('monitor --schedule "rate(1 day)"', "let AWS look each day, also while this machine is off"),
        ("monitor --schedule never", "end that"),
    ),
    "learn": (
        ("review", "answer some photos first"),
        ("learn --dry-run", "what it creates and costs"),
        ("learn", "train with the answers, deploy if no worse, test, monitor"),
    ),
    "batch": (
        ("batch images/test/", "all photos below a prefix of the stack's bucket"),
        ("batch photos.csv --max-usd 5", "those of a list, unless it costs more"),
        ("batch --join", "after Ctrl-C: the last batch's progress and results"),
        ("batch --retry", "what the last batch could not classify"),
    ),
    "threshold": (
        ("threshold --max-error 0.02", "at most 2 % of the accepted photos wrong, proven at 95 %"),
        ("threshold --cost-of-error 5 --cost-of-review 0.2", "also the one of least cost"),
    ),
    "traffic": (
        ("traffic --rate 5 --duration 2m", "five photos a second"),
        ("traffic --rate 20 --duration 5m --shift dark:0.7@2m", "darker ones after two minutes"),
        ("traffic --rate 2 --duration 10m --through uploads", "as uploads that the stack classifies"),
    ),
    "review": (
        ("review", "a page of this machine only; keys 1 to 9 answer"),
        ("review --refused 50 --since 7d", "of the last seven days, at most 50 refused photos"),
        ("review --export photos.html", "one page for somebody else"),
        ("review --import answers.json", "the answers that it gave"),
    ),
    "status": (("status --json", "for a program"),),
    "cleanup": (
        ("cleanup", "what the runs made, the endpoint first"),
        ("cleanup --everything", "also all else that keeps `sam delete` from working"),
    ),
}


def epilog(step: str) -> str:
    """Return the end of a step's help, in lines of at most 80 columns."""
    lines = [f"  python training/run.py {words}\n      {meaning}" for words, meaning in EXAMPLES[step]]
    codes = ["", textwrap.fill(EXIT_CODES, COLUMNS - 1)] if step in JUDGED else []
    return "\n".join(["examples:", *lines, *codes])
