"""The picture of a sweep: variance explained against L0, as one self-contained SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import ceil, floor, log2, log10

from samedream.sae.advice import judge
from samedream.sae.frontier import Point

_WIDTH, _HEIGHT = 860, 548
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 660, 108, 432
_DASHES = ("none", "7 4", "2 4", "10 4 2 4")
_STYLE = """
text{font:13px system-ui,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;fill:#15171b}
text{font-variant-numeric:tabular-nums}
.title{font-size:16px;font-weight:600}
.small{font-size:12.5px;fill:#5a606a}
.hair{stroke:#dcdfe4}
.range{fill:#eef0f2}
.best{fill:none;stroke:#dcdfe4;stroke-width:9;stroke-linejoin:round;stroke-linecap:round}
.line{fill:none;stroke:#15171b;stroke-width:1.5}
.point{fill:#ffffff;stroke:#15171b;stroke-width:1.5}
.on{fill:#15171b}
"""


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where figures are drawn: L0 on a logarithmic axis, variance explained on a linear one."""

    l0: tuple[float, float]
    explained: tuple[float, float]

    def x(self, l0: float) -> float:
        low, high = (log2(end) for end in self.l0)
        return round(_LEFT + (log2(l0) - low) / (high - low) * (_RIGHT - _LEFT), 1)

    def y(self, explained: float) -> float:
        low, high = self.explained
        return round(_BOTTOM - (explained - low) / (high - low) * (_BOTTOM - _TOP), 1)


def draw(points: Sequence[Point], name: str) -> str:
    """Draw a sweep: a line for each L1 weight, its points labelled with k; filled ones are on the frontier.

    With one k and several L1 weights it is one line, and its points are labelled with those.

    Args:
        points: The dictionaries, in the order of their knobs. One with an L0 of 0 has no place on a logarithmic axis
            and is left out; the caption says so.
        name: What the hidden states are of.
    """
    low, high = _range()
    shown = [point for point in points if point.l0 > 0]
    axes = _axes([point.l0 for point in shown], [point.variance_explained for point in shown])
    best = sorted((point for point in shown if point.frontier), key=lambda point: point.l0)
    parts = [
        f'<text class="title" x="{_LEFT}" y="30">{escape(_title(shown))}</text>',
        f'<text class="small" x="{_LEFT}" y="52">{escape(name)}: {len(points)} dictionaries, held-out rows</text>',
        f'<rect class="range" x="{axes.x(low)}" y="{_TOP}" width="{round(axes.x(high) - axes.x(low), 1)}" '
        f'height="{_BOTTOM - _TOP}"/>',
        f'<text class="small" x="{(axes.x(low) + axes.x(high)) / 2:.1f}" y="{_TOP - 8}" text-anchor="middle">'
        f"aim for L0 {low:g} to {high:g}</text>",
        *_ticks(axes),
        f'<polyline class="best" points="{_path(axes, best)}"/>',
        *_lines(axes, shown),
        *_caption(len(points) - len(shown)),
    ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="img" aria-label="{escape(_title(shown))}">\n<style>{_STYLE}</style>\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _range() -> tuple[float, float]:
    """The L0 to aim for."""
    metric = judge({"l0": 0.0})[0]
    return metric.low or 0.0, metric.high or 0.0


def _title(points: Sequence[Point]) -> str:
    """What to see: the best dictionary with an L0 to aim for."""
    low, high = _range()
    inside = [point for point in points if low <= round(point.l0) <= high]
    if not inside:
        return f"No dictionary has an L0 between {low:g} and {high:g}"
    best = max(inside, key=lambda point: point.variance_explained)
    penalty = f" with L1 {best.l1_strength:g}" if best.variant in ("l1", "l1_topk") else ""
    knobs = f"variant l1{penalty}" if best.variant == "l1" else f"k {best.k}{penalty}"
    return f"Between L0 {low:g} and {high:g}, {knobs} explains the most: {best.variance_explained:.3f} of the variance"


def _axes(l0: Sequence[float], explained: Sequence[float]) -> _Axes:
    """Room for all points and for the range to aim for."""
    low, high = _range()
    bottom, top = min(explained, default=0.0), max(explained, default=1.0)
    room = 0.12 * (top - bottom) or 0.05
    return _Axes((min([low, *l0]) / 1.25, max([high, *l0]) * 1.25), (bottom - room, top + room))


def _ticks(axes: _Axes) -> list[str]:
    """Both axes, with their names."""
    parts = [
        f'<line class="hair" x1="{_LEFT}" x2="{_RIGHT}" y1="{_BOTTOM}" y2="{_BOTTOM}"/>',
        f'<text x="{_RIGHT}" y="{_BOTTOM + 40}" text-anchor="end">L0: features active per hidden state</text>',
        f'<text x="{_LEFT}" y="{_TOP - 26}">variance explained</text>',
    ]
    for power in range(ceil(log2(axes.l0[0])), floor(log2(axes.l0[1])) + 1):
        x = axes.x(2.0**power)
        parts.append(f'<line class="hair" x1="{x}" x2="{x}" y1="{_BOTTOM}" y2="{_BOTTOM + 5}"/>')
        parts.append(f'<text class="small" x="{x}" y="{_BOTTOM + 20}" text-anchor="middle">{2.0**power:g}</text>')
    low, high = axes.explained
    rough = (high - low) / 6
    step = next(size for size in (unit * 10.0 ** floor(log10(rough)) for unit in (1, 2, 5, 10)) if size >= rough)
    digits = max(0, -floor(log10(step)))
    for number in range(ceil(low / step), floor(high / step) + 1):
        y = axes.y(number * step)
        parts.append(f'<line class="hair" x1="{_LEFT}" x2="{_RIGHT}" y1="{y}" y2="{y}"/>')
        text = f"{number * step:.{digits}f}"
        parts.append(f'<text class="small" x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{text}</text>')
    return parts


def _path(axes: _Axes, points: Sequence[Point]) -> str:
    return " ".join(f"{axes.x(point.l0)},{axes.y(point.variance_explained)}" for point in points)


def _lines(axes: _Axes, points: Sequence[Point]) -> list[str]:
    """The lines, their points with labels, and the key at the right, in the order in which the lines end."""
    along = _along_l1(points)
    lines, marks, key = [], [], []
    taken = [(axes.x(point.l0), axes.y(point.variance_explained)) for point in points]
    for number, (name, found) in enumerate(groupby(points, key=lambda point: _line_name(point, along))):
        group = list(found)
        dash = f'stroke-dasharray="{_DASHES[number % len(_DASHES)]}"'
        lines.append(f'<polyline class="line" {dash} points="{_path(axes, group)}"/>')
        key.append((axes.y(group[-1].variance_explained), dash, name))
        marks += [_mark(axes, point) for point in group]
        for point in group:
            text = f"L1 {point.l1_strength:g}" if point.variant in along else f"k {point.k}"
            marks += _label(axes, point, text, taken=taken)
    for place, (_, dash, name) in enumerate(sorted(key)):
        y = _TOP + 12 + 22 * place
        marks.append(f'<line class="line" {dash} x1="{_RIGHT + 16}" x2="{_RIGHT + 46}" y1="{y}" y2="{y}"/>')
        marks.append(f'<text x="{_RIGHT + 54}" y="{y + 4}">{escape(name)}</text>')
    return [*lines, *marks]


def _along_l1(points: Sequence[Point]) -> set[str]:
    """Variants whose points differ in their L1 weight alone: those are one line."""
    variants = {point.variant for point in points}
    weights = {variant: {point.l1_strength for point in points if point.variant == variant} for variant in variants}
    many_k = {variant for variant in variants if len({point.k for point in points if point.variant == variant}) > 1}
    return {variant for variant in variants if variant not in many_k and len(weights[variant]) > 1} | (
        variants & {"l1"}
    )


def _line_name(point: Point, along_l1: set[str]) -> str:
    if point.variant == "l1":
        return "l1"
    if point.variant in along_l1:
        return f"{point.variant}, k {point.k}"
    return f"{point.variant}, L1 {point.l1_strength:g}" if point.variant == "l1_topk" else point.variant


def _mark(axes: _Axes, point: Point) -> str:
    """A point; hovering over it shows all its figures."""
    said = (
        f"{point.name}: L0 {point.l0:.1f}, variance explained {point.variance_explained:.4f}, dead "
        f"{100 * point.dead_share:.1f} %, Gini {point.gini:.2f}, density {point.density:.4f}, largest decoder cosine "
        f"{point.decoder_cosine_max:.2f}"
    )
    return (
        f'<circle class="point{" on" if point.frontier else ""}" cx="{axes.x(point.l0)}" '
        f'cy="{axes.y(point.variance_explained)}" r="4.5"><title>{escape(said)}</title></circle>'
    )


def _label(axes: _Axes, point: Point, text: str, *, taken: list[tuple[float, float]]) -> list[str]:
    """The label beside a point, where it covers no other label and no point; none where there is no such place."""
    half = 3.7 * len(text)
    x, y = axes.x(point.l0), axes.y(point.variance_explained)
    for dx, dy in ((-half - 10, -9), (half + 10, 13), (-half - 12, 4), (half + 12, 4), (0, -14), (0, 22)):
        at = round(x + dx, 1), round(y + dy, 1)
        if all(abs(at[0] - other[0]) > half + 6 or abs(at[1] - 4 - other[1]) > 11 for other in taken):
            for part in (-half, 0.0, half):
                taken.append((at[0] + part, at[1] - 4))
            return [f'<text x="{at[0]}" y="{at[1]}" text-anchor="middle">{escape(text)}</text>']
    return []


def _caption(left_out: int) -> list[str]:
    """How it was measured, and where it could mislead."""
    texts = [
        "Filled, on the grey band: no other dictionary has as low an L0 and explains more. Each was trained once:",
        "small differences may be chance. More variance explained does not make features easier to read.",
    ]
    if left_out:
        texts.append(f"Left out: {left_out} with no active feature.")
    return [
        f'<text class="small" x="{_LEFT}" y="{_BOTTOM + 66 + 17 * n}">{text}</text>' for n, text in enumerate(texts)
    ]
