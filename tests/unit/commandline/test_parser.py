"""What a user reads who mistypes a command or an option."""

import pytest

from commandline.parser import Parser, suggestion


@pytest.fixture
def parser() -> Parser:
    parser = Parser(prog="program")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("stage").add_argument("--archive")
    commands.add_parser("train").add_argument("--epochs", type=int)
    return parser


@pytest.mark.parametrize(
    ("arguments", "usage", "message"),
    [
        (["trian"], "usage: program ", "did you mean train?"),
        (
            ["train", "--eposh", "4"],
            "usage: program train ",
            "arguments: --eposh 4; did you mean --epochs?",
        ),
        (["train", "--eposh=4"], "usage: program train ", "did you mean --epochs?"),
        (["train", "--archive", "x"], "usage: program train ", "unrecognized arguments: --archive x\n"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_nearest_one(
    parser: Parser, capsys: pytest.CaptureFixture[str], arguments: list[str], usage: str, message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(arguments)
    assert stopped.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith(usage)
    assert message in printed


def test_the_right_words_are_parsed(parser: Parser) -> None:
    assert vars(parser.parse_args(["train", "--epochs", "4"])) == {"command": "train", "epochs": 4}


def test_a_word_that_is_near_nothing_is_answered_with_nothing() -> None:
    assert suggestion("xyz", ["stage", "train"]) == ""
