"""A function or a module of MiniStack that is replaced, and the check that it is still the one that was read."""

import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud import LocalCloudError


class CorrectionError(LocalCloudError):
    """When MiniStack is not the code that a correction was written against."""


@dataclass(frozen=True)
class Correction:
    """What replaces one function of MiniStack, and why."""

    name: str
    target: str  # what is replaced: `module:name`, or `module:name[key][key]` for an entry of a dictionary
    digest: str  # of the target's source, as `digest_of` returns it
    replace: Callable[[Any], Any]  # takes the original and returns what stands in its place
    aws: str  # what AWS does; of MiniStack, what it does instead
    link: str  # where that is documented

    def holder(self) -> tuple[Any, str]:
        """Return the module or dictionary that holds the target, and its name there.

        Raises:
            AttributeError: A name on the way is missing; KeyError for a key, ImportError for the module.
        """
        module, _, path = self.target.partition(":")
        *way, last = re.findall(r"[^\[\]]+", path)
        holder: Any = importlib.import_module(module)
        for name in way:
            holder = child(holder, name)
        return holder, last

    def original(self) -> Any:
        return child(*self.holder())

    def problem(self) -> str | None:
        """Return how MiniStack differs from what this correction was written against, None when it does not."""
        try:
            found = digest_of(self.original())
        except (AttributeError, KeyError, ImportError):
            return "does not exist"
        return None if found == self.digest else f"has changed (its digest is {found}, not {self.digest})"

    def misfit(self, replacement: Any) -> str | None:
        """Return how the replacement's parameters differ from the original's, None when they do not."""
        original = self.original()
        if not inspect.isroutine(original) or parameters(replacement) == parameters(original):
            return None
        return f"takes {parameters(original)}, but its replacement {parameters(replacement)}"

    def install(self, replacement: Any) -> None:
        """Put the replacement in the place of the original."""
        holder, name = self.holder()
        if isinstance(holder, dict):
            holder[name] = replacement
        else:
            setattr(holder, name, replacement)


@dataclass(frozen=True)
class ModuleCorrection(Correction):
    """What replaces a whole module of MiniStack; its target is the module's name, its digest that of the file."""

    def original(self) -> Any:
        return importlib.import_module(self.target)

    def problem(self) -> str | None:
        """Return how MiniStack differs from what this correction was written against, None when it does not."""
        try:
            found = hashlib.sha256(Path(self.original().__file__).read_bytes()).hexdigest()[:12]
        except ImportError:
            return "does not exist"
        return None if found == self.digest else f"has changed (its digest is {found}, not {self.digest})"

    def misfit(self, replacement: Any) -> str | None:
        return None

    def install(self, replacement: Any) -> None:
        """Put the replacement in the place of the module, wherever it has been imported and will be."""
        original, package = self.original(), self.target.partition(".")[0]
        sys.modules[self.target] = replacement
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == package:
                for attribute in [one for one, value in vars(module).items() if value is original]:
                    setattr(module, attribute, replacement)


@dataclass(frozen=True)
class Addition(Correction):
    """What MiniStack has not: an entry of a dictionary. Its digest is empty, and `replace` is given None."""

    def original(self) -> Any:
        return None

    def problem(self) -> str | None:
        """Return why the entry cannot be added, None when it can."""
        try:
            holder, key = self.holder()
        except (AttributeError, KeyError, ImportError):
            return "does not exist"
        return f"has {key} already" if key in holder else None


def child(holder: Any, name: str) -> Any:
    return holder[name] if isinstance(holder, dict) else getattr(holder, name)


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def digest_of(original: Any) -> str:
    """Return a short digest of a function's source, or of what data looks like."""
    source = inspect.getsource(original) if inspect.isroutine(original) else repr(original)
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def apply(corrections: Sequence[Correction]) -> None:
    """Check all corrections, then install them.

    Raises:
        CorrectionError: MiniStack is other code than one of them was written against; none is installed.
    """
    refuse([(one, one.problem()) for one in corrections])
    replacements = [(one, one.replace(one.original())) for one in corrections]
    refuse([(one, one.misfit(replacement)) for one, replacement in replacements])
    for one, replacement in replacements:
        one.install(replacement)


def refuse(findings: Sequence[tuple[Correction, str | None]]) -> None:
    sentences = [f"{one.target} {problem} (correction {one.name})" for one, problem in findings if problem]
    if sentences:
        raise CorrectionError(
            f"MiniStack is not the version that localcloud/corrections was written for: {'; '.join(sentences)}. "
            "Install the pinned version, or adapt these corrections to the installed one."
        )
