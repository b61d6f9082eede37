"""Time axis with round ticks, from hundredths of a second to weeks."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MINUTE, HOUR, DAY = 60, 3600, 86400
STEPS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 4, 6, 12)),
    *(n * DAY for n in (1, 2, 7, 30)),
)
"""Round numbers of seconds between ticks."""


def time_axis(axes: "Axes", low: float, high: float) -> None:
    """Set the ticks of the x axis, at most about ten, and the label with their unit.

    Args:
        axes: Changed in place.
        low: Seconds at the left end.
        high: Seconds at the right end.
    """
    step = next((s for s in STEPS if (high - low) / s <= 10), (high - low) / 10)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    ticks = [float(tick) * step for tick in np.arange(first, last + 1) + 0.0]
    axes.set_xticks(ticks, [clock(tick, high) for tick in ticks])
    unit = "seconds" if high < 120 else "minutes:seconds" if high < HOUR else "hours:minutes:seconds"
    axes.set_xlabel(unit, fontsize=9)


def clock(seconds: float, high: float) -> str:
    """Text of a time among times up to `high`: seconds below two minutes, then m:ss, from an hour on h:mm:ss.

    Examples:
        >>> clock(4.5, 10), clock(75, 600), clock(3675, 7200)
        ('4.5', '1:15', '1:01:15')
    """
    if high < 120:
        return f"{round(seconds, 6) + 0.0:.10g}"  # the zero added turns -0 into 0
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes}:{rest:02d}" if high < HOUR else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
