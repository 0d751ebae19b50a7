"""The figure of drift: the newest window against the profile, a panel a statistic, and the martingale over time."""

import math

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.report import fonts
from training.report.style import INK, LONGEST_NAME, RIGHT, STYLE, THRESHOLD_LINE, UNKNOWN, WIDTH, WRONG
from training.statistics.drift import Difference
from training.statistics.martingale import ALARM
from training.statistics.profile import Floats
from training.statistics.watch import Watched
from training.streams import short_name

BINS = 20
COLUMNS = 3
MOST_PANELS = 9  # with many classes, those whose statistics differ most
_LEAST_SPAN = 1e-3  # of an axis, where all photos have the same number


def drift(watched: Watched, classes: tuple[str, ...]) -> Figure:
    """Draw the profile in grey, the newest window in blue or, where it alarms, in orange.

    Args:
        classes: Whose letters the figure must be able to show.
    """
    with matplotlib.rc_context({**STYLE, "font.family": fonts.families(classes)}):
        newest = watched.windows[-1]
        known = [one for one in newest.differences if one.known]
        panels = sorted(sorted(known, key=lambda one: -one.distance)[:MOST_PANELS], key=newest.differences.index)
        rows = math.ceil(len(panels) / COLUMNS)
        figure = Figure(figsize=(WIDTH, 2.4 + 2.3 * rows))
        grid = figure.add_gridspec(rows + 1, COLUMNS, height_ratios=[1.1, *[1.0] * rows])
        _martingale(figure.add_subplot(grid[0, :]), watched)
        for place, one in enumerate(panels):
            axes = figure.add_subplot(grid[1 + place // COLUMNS, place % COLUMNS])
            window = np.asarray(watched.newest[one.statistic], np.float64)
            _panel(axes, one, watched.reference[one.statistic], window[np.isfinite(window)])
    return figure


def _martingale(axes: Axes, watched: Watched) -> None:
    """Draw the decimal logarithm: a martingale's value may be larger than any number."""
    values = watched.capital / math.log(10)
    limit = math.log10(ALARM)
    axes.plot(np.arange(1, len(values) + 1), values, color=WRONG if watched.alarm_at else RIGHT, linewidth=1.8)
    axes.axhline(limit, **THRESHOLD_LINE)
    place = (watched.alarm_at or 0) - watched.before
    if place > 0:  # among these photos, not earlier
        axes.plot(place, values[place - 1], "X", color=WRONG, markersize=9)
    axes.set(xlabel="Photos, hour after hour", ylim=(min(-1.0, values.min()), max(3.0, values.max() * 1.1)))
    axes.set_title(f"Martingale of all statistics: alarm at {ALARM:g}", fontsize=10)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(_power)


def _power(exponent: float, _: object) -> str:
    """Return a power of ten as people write it: 100, 1/10; large ones as 1e400, which no float could hold."""
    if abs(exponent) > 6:
        return f"1e{exponent:.0f}"
    return f"{10**exponent:g}" if exponent >= 0 else f"1/{10**-exponent:g}"


def _panel(axes: Axes, one: Difference, reference: Floats, window: Floats) -> None:
    low, high = (float(end([end(reference), end(window)])) for end in (np.min, np.max))
    middle, half = (low + high) / 2, max(high - low, _LEAST_SPAN) / 2
    edges = np.linspace(middle - half, middle + half, BINS + 1)
    for values, color, filled in ((reference, UNKNOWN, True), (window, WRONG if one.alarm else RIGHT, False)):
        shares = np.histogram(values, edges)[0] / len(values)
        axes.stairs(shares, edges, fill=filled, color=color, alpha=0.35 if filled else 1.0, linewidth=1.8)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    name = short_name(one.statistic, LONGEST_NAME)
    axes.set_title(f"{name}\n{'drifted, ' if one.alarm else ''}distance {one.distance:.2f}", fontsize=10, color=INK)
