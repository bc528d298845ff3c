"""The picture: outstanding messages over time, one line a sigma, as SVG."""

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 840, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 120, 40, 52
#: Seen by those who don't tell red from green, on white and on black (P. Tol's "bright", and one more).
_COLOURS = ("#228833", "#4477aa", "#ee6677", "#aa7711", "#aa3377", "#0099aa")
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: bold } .note { font-style: italic }
.axis { stroke: #777; fill: none } .grid { stroke: #999; stroke-opacity: .3 } .outage { fill: #999; fill-opacity: .2 }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }
"""
_STEPS = (1, 2, 5)

type Points = Sequence[tuple[float, float]]


def picture(lines: Mapping[str, Points], *, title: str, outage: tuple[float, float] | None) -> str:
    """Draw lines by their names; a line holds its value until its next point. The upward axis is logarithmic."""
    last = max(moment for points in lines.values() for moment, _ in points)
    most = max(value for points in lines.values() for _, value in points)
    plane = _Plane(seconds=max(last, 1.0), decades=max(1, math.ceil(math.log10(max(most, 1)))))
    parts = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<text x="{_LEFT}" y="22" class="title">{escape(title)}</text>',
        *_shade(plane, outage),
        *_axes(plane),
        *(_curve(plane, points, colour=colour) for points, colour in zip(lines.values(), _COLOURS, strict=False)),
        *(_entry(index, name) for index, name in enumerate(lines)),
        "</svg>",
    )
    return "\n".join(parts) + "\n"


class _Plane:
    """Where a time and a number are in the picture."""

    def __init__(self, *, seconds: float, decades: int) -> None:
        self.seconds = seconds
        self.decades = decades

    def x(self, moment: float) -> float:
        return round(_LEFT + moment / self.seconds * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        height = math.log10(max(value, 1)) / self.decades
        return round(_HEIGHT - _BOTTOM - height * (_HEIGHT - _TOP - _BOTTOM), 1)


def _shade(plane: _Plane, outage: tuple[float, float] | None) -> list[str]:
    if outage is None:
        return []
    left, right = plane.x(outage[0]), plane.x(outage[1])
    box = f'x="{left}" y="{_TOP}" width="{round(right - left, 1)}" height="{_HEIGHT - _TOP - _BOTTOM}"'
    label = f'<text x="{left}" y="{_TOP - 4}" class="note">source is out</text>'
    return [f'<rect class="outage" {box}/>', label]


def _axes(plane: _Plane) -> list[str]:
    bottom, right = plane.y(1), plane.x(plane.seconds)
    parts = [f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>']
    for decade in range(plane.decades + 1):
        y = plane.y(10**decade)
        parts.append(f'<path class="grid" d="M{_LEFT} {y}H{right}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{10**decade:,}</text>')
    for moment in _ticks(plane.seconds):
        x = plane.x(moment)
        parts.append(f'<path class="axis" d="M{x} {bottom}v5"/>')
        parts.append(f'<text x="{x}" y="{bottom + 19}" text-anchor="middle">{moment:g}</text>')
    middle = (_LEFT + right) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">seconds since the run was asked for</text>'
    )
    half = (_TOP + bottom) / 2
    turned = f'x="16" y="{half}" text-anchor="middle" transform="rotate(-90 16 {half})"'
    parts.append(f"<text {turned}>copy requests outstanding</text>")
    return parts


def _ticks(seconds: float) -> list[float]:
    """Four to ten round numbers up to so many."""
    power = 10 ** math.floor(math.log10(seconds / 4))
    step = next((each * power for each in _STEPS if seconds / (each * power) <= 10), 10 * power)  # noqa: PLR2004 - ticks
    return [number * step for number in range(int(seconds / step) + 1)]


def _curve(plane: _Plane, points: Points, *, colour: str) -> str:
    (first, value), *others = points
    path = f"M{plane.x(first)} {plane.y(value)}" + "".join(f"H{plane.x(at)}V{plane.y(each)}" for at, each in others)
    return f'<path class="line" stroke="{colour}" d="{path}"/>'


def _entry(index: int, name: str) -> str:
    x, y = _WIDTH - _RIGHT + 14, _TOP + 10 + 20 * index
    return (
        f'<path class="line" stroke="{_COLOURS[index % len(_COLOURS)]}" d="M{x} {y}h18"/>'
        f'<text x="{x + 24}" y="{y + 4}">{escape(name)}</text>'
    )
