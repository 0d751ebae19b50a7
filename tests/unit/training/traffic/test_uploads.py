"""Finding the verdicts on uploads."""

from datetime import date

from training.traffic.uploads import days


def test_verdicts_of_a_night_are_in_two_folders() -> None:
    assert list(days(date(2026, 2, 28), date(2026, 3, 1))) == [date(2026, 2, 28), date(2026, 3, 1)]
    assert list(days(date(2026, 2, 28), date(2026, 2, 28))) == [date(2026, 2, 28)]
