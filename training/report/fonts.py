"""The fonts of the figures: matplotlib's own and, for letters that it lacks, installed ones.

matplotlib draws Latin, Greek, Cyrillic, Hebrew and Arabic. Fonts for Chinese, Japanese, Korean, Thai or Devanagari do
not come with it: such letters are boxes unless one is installed.
"""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from matplotlib import font_manager

OWN = "DejaVu Sans"  # matplotlib's default


def families(names: Iterable[str]) -> list[str]:
    """Return the font families that draw these names together, matplotlib's own first."""
    return [OWN, *_choice(_letters(names))[0]]


def missing_letters(names: Iterable[str]) -> str:
    """Return the letters in these names that no font draws, sorted."""
    return _choice(_letters(names))[1]


def _letters(names: Iterable[str]) -> frozenset[str]:
    return frozenset(letter for name in names for letter in name if letter.isprintable())


@lru_cache(maxsize=8)
def _choice(letters: frozenset[str]) -> tuple[list[str], str]:
    """Return the families that are needed besides matplotlib's own, and the letters that are missing in all."""
    chosen: list[str] = []
    missing = letters - _drawn_by(Path(font_manager.findfont(OWN)))
    # The list that matplotlib keeps on disk lacks what was installed since.
    for path in sorted(map(Path, font_manager.findSystemFonts())) if missing else ():
        if drawn := missing & _drawn_by(path):
            font_manager.fontManager.addfont(path)
            chosen.append(font_manager.get_font(path).family_name)
            missing -= drawn
    return chosen, "".join(sorted(missing))


def _drawn_by(path: Path) -> frozenset[str]:
    """Return the letters that a font has; none when it cannot be read."""
    try:
        return frozenset(map(chr, font_manager.get_font(path).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()
