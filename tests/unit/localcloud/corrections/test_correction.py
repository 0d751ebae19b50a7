"""A correction is installed only where MiniStack is the code that it was written against."""

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from localcloud.corrections.correction import (
    Addition,
    Correction,
    CorrectionError,
    ModuleCorrection,
    apply,
    digest_of,
)

SOURCE = """
def double(number):
    return 2 * number

HANDLERS = {"Bucket": {"delete": double}}
LIMIT = 60
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> ModuleType:
    """Return a module that stands for one of MiniStack's."""
    made = ModuleType("made")
    exec(SOURCE, vars(made))
    monkeypatch.setitem(sys.modules, "made", made)
    monkeypatch.setattr(inspect, "getsource", lambda function: f"source of {function.__name__}")
    return made


def triple(original: Callable[[int], int]) -> Callable[[int], int]:
    def tripled(number: int) -> int:
        return original(number) + number

    return tripled


@pytest.fixture
def correction(module: ModuleType) -> Correction:
    digest = digest_of(module.double)
    return Correction("triple", "made:double", digest, triple, aws="Triples.", link="https://docs.aws.amazon.com/")


def test_a_function_is_replaced(module: ModuleType, correction: Correction) -> None:
    apply([correction])
    assert vars(module)["double"](4) == 12


def test_an_entry_of_a_dictionary_is_replaced(module: ModuleType, correction: Correction) -> None:
    apply([replace(correction, target="made:HANDLERS[Bucket][delete]")])
    assert vars(module)["HANDLERS"]["Bucket"]["delete"](4) == 12
    assert vars(module)["double"](4) == 8


def test_data_is_replaced_as_long_as_it_is_the_same(module: ModuleType, correction: Correction) -> None:
    limit = replace(correction, target="made:LIMIT", digest=digest_of(60), replace=lambda seconds: seconds * 2)
    apply([limit])
    assert vars(module)["LIMIT"] == 120
    with pytest.raises(CorrectionError, match="made:LIMIT has changed"):
        apply([limit])


@pytest.mark.parametrize("target", ["made:gone", "made:HANDLERS[Queue][delete]", "missing_module:double"])
def test_what_does_not_exist_is_named(correction: Correction, target: str) -> None:
    with pytest.raises(CorrectionError, match=r"does not exist \(correction triple\)") as caught:
        apply([replace(correction, target=target)])
    assert target in str(caught.value)


def test_changed_source_is_named_with_its_digest(module: ModuleType, correction: Correction) -> None:
    with pytest.raises(CorrectionError, match=r"made:double has changed \(its digest is [0-9a-f]{12}, not old\)"):
        apply([replace(correction, digest="old")])
    assert vars(module)["double"](4) == 8


def test_other_parameters_are_named(correction: Correction) -> None:
    with pytest.raises(CorrectionError, match=r"takes \['number'\], but its replacement \['value'\]"):
        apply([replace(correction, replace=lambda original: lambda value: value)])


def test_nothing_is_installed_when_one_correction_cannot_be(module: ModuleType, correction: Correction) -> None:
    with pytest.raises(CorrectionError):
        apply([correction, replace(correction, target="made:gone")])
    assert vars(module)["double"](4) == 8


def test_the_digest_follows_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of(triple)
    monkeypatch.setattr(inspect, "getsource", lambda _: "other source")
    assert digest_of(triple) != before


def test_an_entry_is_added_unless_there_is_one(module: ModuleType) -> None:
    added = Addition(
        "alias", "made:HANDLERS[Alias]", "", lambda _: {}, aws="Has it.", link="https://docs.aws.amazon.com/"
    )
    apply([added])
    assert vars(module)["HANDLERS"]["Alias"] == {}
    with pytest.raises(CorrectionError, match="has Alias already"):
        apply([added])
    with pytest.raises(CorrectionError, match="does not exist"):
        apply([replace(added, target="made:GONE[Alias]")])


def test_a_module_is_replaced_wherever_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "stock"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "made.py").write_text("NAME = 'made'")
    (package / "user.py").write_text("import stock.made as _made")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("stock", "stock.made", "stock.user"):
        monkeypatch.setitem(sys.modules, name, importlib.import_module(name))
    digest = hashlib.sha256(b"NAME = 'made'").hexdigest()[:12]
    ours = ModuleType("ours")
    correction = ModuleCorrection("ours", "stock.made", digest, lambda _: ours, aws="", link="")
    with pytest.raises(CorrectionError, match=r"stock\.made has changed"):
        apply([replace(correction, digest="old")])
    apply([correction])
    assert importlib.import_module("stock.made") is ours
    assert vars(sys.modules["stock.user"])["_made"] is ours
    assert vars(sys.modules["stock"])["made"] is ours
