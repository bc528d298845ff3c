"""Bars, and what of them is met."""

import dataclasses
import math
from collections.abc import Iterable, Sequence

from benchmarks.withholding.counting import percentile
from benchmarks.withholding.figures import Figures

PEAK, BELOW, MAKESPAN, IDLE = "peak outstanding", "peak below inf", "makespan / inf", "idle share of slots"
FIRST, OPEN, LIVE, LEFT = "first whole item", "item open, p95", "live asset, p95", "left after a pause"
TORN = "published with an asset missing"

_BELOW, _MAKESPAN, _IDLE = 0.95, 1.05, 0.05
#: Of what infinity takes: "far lower" in numbers.
_FIRST, _OPEN = 0.5, 0.2
_LIVE = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure of one arm."""

    #: A number, or "inf".
    sigma: float | str
    measure: str
    bar: str
    value: float
    met: bool


def rows(arms: Sequence[Figures]) -> list[Row]:
    """All rows. The control arm has no bound of its own: it is what others are compared with."""
    control = next(each for each in arms if math.isinf(each.sigma))
    idle = percentile((value for each in arms for value in each.live_idle), 95)
    return [row for each in arms for row in _rows(each, control=control, live_idle=idle)]


def _rows(arm: Figures, *, control: Figures, live_idle: float) -> Iterable[Row]:
    if not math.isinf(arm.sigma):
        yield from _compared(arm, control)
    yield _most(arm, IDLE, arm.idle, _IDLE)
    yield _most(arm, LIVE, arm.live_p95, _LIVE * live_idle)
    yield _most(arm, TORN, arm.torn, 0)


def _compared(arm: Figures, control: Figures) -> Iterable[Row]:
    yield _most(arm, PEAK, arm.peak_outstanding, arm.mark + arm.capacity)
    below = 1 - arm.peak_outstanding / control.peak_outstanding
    yield Row(sigma=arm.sigma, measure=BELOW, bar=f">= {_BELOW:g}", value=round(below, 4), met=below >= _BELOW)
    # What Azurite loses to a deep queue is no merit of those who keep it shallow.
    yield _most(arm, MAKESPAN, arm.makespan / (control.makespan - control.emulator), _MAKESPAN)
    yield _most(arm, FIRST, arm.first_whole, _FIRST * control.first_whole)
    yield _most(arm, OPEN, arm.open_p95, _OPEN * control.open_p95)
    if arm.left is not None:
        yield _most(arm, LEFT, arm.left, arm.mark)


def _most(arm: Figures, measure: str, value: float, bound: float) -> Row:
    sigma = "inf" if math.isinf(arm.sigma) else arm.sigma
    return Row(sigma=sigma, measure=measure, bar=f"<= {bound:.4g}", value=round(value, 4), met=value <= bound)
