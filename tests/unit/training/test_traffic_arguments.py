"""The words of `traffic`, and what they become."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from training.arguments import options_for, parse
from training.options import (
    Burst,
    Shift,
    TrafficOptions,
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["--through", "uploads", "--wait", "1m", "--seed", "3"], {"through": "uploads", "wait": 60.0, "seed": 3}),
        (["--duration", "1.5h", "--rate", ".5"], {"duration": 5400.0, "rate": 0.5}),
        (["--mix", "bicycle=.7,motor cycle=.3"], {"mix": (("bicycle", 0.7), ("motor cycle", 0.3))}),
        (["--mix", "a=b=1,c=0"], {"mix": (("a=b", 1.0), ("c", 0.0))}),
        (["--burst", "10:5/1m", "--poisson"], {"burst": Burst(10, 5, 60), "poisson": True}),
        (["--corrupt", ".05", "--photos", "own"], {"corrupt": 0.05, "photos": "own"}),
        (
            ["--shift", "grey", "--shift=dark:0.7@2m", "--shift", "blur@0s"],
            {"shift": (Shift("grey", 1.0), Shift("dark", 0.7, 120.0), Shift("blur", 0.5))},
        ),
    ],
)
def test_the_words_of_traffic_are_its_options(words: list[str], expected: dict[str, Any]) -> None:
    parsed = parse(["traffic", "--rate", "20", "--duration", "90s", *words])
    found = options_for(TrafficOptions, parsed)
    assert TrafficOptions(**{"rate": 20.0, "duration": 90.0, **expected}) == replace(found, shift=tuple(found.shift))


@pytest.mark.parametrize(
    ("name", "text"), [("m.json", '{"bicycle": 0.7, "motorcycle": 0.3}'), ("m.CSV", "bicycle,0.7\nmotorcycle, 0.3\n")]
)
def test_a_mix_may_be_a_file(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    parsed = parse(["traffic", "--rate", "1", "--duration", "1", "--mix", str(tmp_path / name)])
    assert options_for(TrafficOptions, parsed).mix == (("bicycle", 0.7), ("motorcycle", 0.3))


@pytest.mark.parametrize(
    "words",
    [
        ["--rate", "0"],
        ["--rate", "1001"],
        ["--rate", "nan"],
        ["--duration", "0"],
        ["--duration", "2d"],
        ["--duration", "25h"],
        ["--through", "batch"],
        ["--corrupt", "1.1"],
        ["--mix", ""],
        ["--mix", "a"],
        ["--mix", "a=1,a=2"],
        ["--mix", "a=0,b=0"],
        ["--mix", "a=-1"],
        ["--mix", "missing.json"],
        ["--burst", "10:5"],
        ["--burst", "1:5/60"],
        ["--burst", "10:60/60"],
        ["--shift", "pink"],
        ["--shift", "dark:0"],
        ["--shift", "dark:1.1"],
        ["--shift", "dark:0.5@"],
        ["--wait", "x"],
    ],
)
def test_traffic_that_makes_no_sense_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["traffic", "--rate", "20", "--duration", "90s", *words])
    assert caught.value.code == 2 and "error" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--rate", "1"], ["--duration", "1"]])
def test_traffic_needs_a_rate_and_a_duration(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["traffic", *words])
    assert "required" in capsys.readouterr().err
