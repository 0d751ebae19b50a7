"""How the checks write numbers."""

from training.statistics.intervals import Interval, Share


def percent(value: float) -> str:
    """Return a share with one digit after the point."""
    return f"{value:.1%}"


def between(interval: Interval) -> str:
    """Return the ends of a share's interval."""
    low, high = interval
    return f"{percent(low)} to {percent(high)}"


def estimated(share: Share) -> str:
    """Return a share, of at least one case, with its interval."""
    return f"{share.part / share.whole:.1%} ({between(share.interval)})"


def photos(number: int) -> str:
    return f"{number} photo{'s' if number != 1 else ''}"


def not_enough(cases: int, enough: int) -> str:
    """Return why nothing can be said."""
    return f"not enough: {cases} of {enough}"
