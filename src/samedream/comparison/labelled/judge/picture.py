"""The picture of a judge's calibration: how often the match is judged the same, by how strong it is, as SVG."""

from collections.abc import Mapping
from html import escape
from typing import Any

_LEFT, _TOP, _WIDTH, _HEIGHT, _GAP = 64, 96, 340, 240, 84
_SHARED, _OWN = "#009e73", "#8a8f98"
_KINDS = (("match", "the other model’s match", _SHARED), ("repeat", "the model’s own repeat (truth: the same)", _OWN))
_NAMES = {"embedding": "the embedder judges", "llm": "a language model judges"}
_NEGATIVES = {"correlation": "negatives: next-best in r", "meaning": "negatives: near in meaning"}
_STYLE = """
text{font:13px system-ui,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;fill:#15171b}
text{font-variant-numeric:tabular-nums}
.title{font-size:16px;font-weight:600}
.small{font-size:12px;fill:#5a606a}
.hair{stroke:#dcdfe4}
.chance{stroke:#15171b;stroke-dasharray:2 3}
"""


def draw(summary: Mapping[str, Any]) -> str:
    """Draw a panel for each judge and kind of negatives there is.

    Args:
        summary: As `judge.judge` makes it.
    """
    panels = [
        (judge, negatives, found)
        for judge in _NAMES
        if summary[judge] is not None
        for negatives, found in summary[judge]["negatives"].items()
        if found is not None
    ]
    width = max(_LEFT + min(len(panels), 2) * (_WIDTH + _GAP), 860)
    bottom = _TOP + -(-len(panels) // 2) * (_HEIGHT + _GAP)
    title = escape(_title(summary, panels))
    parts = [
        f'<text class="title" x="24" y="30">{title}</text>',
        f'<text class="small" x="24" y="52">{escape(_SUBTITLE)}</text>',
    ]
    for number, (judge, negatives, found) in enumerate(panels):
        left, top = _LEFT + number % 2 * (_WIDTH + _GAP), _TOP + number // 2 * (_HEIGHT + _GAP)
        words = f"{_NAMES[judge]}; {_NEGATIVES[negatives]}"
        parts += _panel(found["bins"], words, (left, top), chance=summary["chance"])
    parts += _legend(bottom)
    for line, text in enumerate(_CAPTION):
        parts.append(f'<text class="small" x="24" y="{bottom + 24 + 17 * line}">{escape(text)}</text>')
    body = "\n".join(parts)
    height = bottom + 30 + 17 * len(_CAPTION)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{title}">\n<style>{_STYLE}</style>\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


_SUBTITLE = "Shown passages alone, which of four features of the other side means the same? Bars: 95 % (Wilson)."
_CAPTION = (
    "Match and negatives are chosen on other articles than those shown; no article is on both sides. Bins of .1 in r",
    "with ten cases or more, both directions together. Where green lies below grey at the same r, matches fire",
    "alike but mean the same less often than what the model itself finds again.",
)


def _title(summary: Mapping[str, Any], panels: list[tuple[str, str, Any]]) -> str:
    """What to see, by the last judge, with the negatives that are no kin where there are any."""
    every = [[found[way]["matched"] for way in ("a_to_b", "b_to_a")] for _, _, found in panels]
    known = [found for found in every if None not in found]
    if not known:
        return "Too few matches were judged to tell how often they are judged the same"
    one, other = (f"{100 * share['value']:.0f} %" for share in known[-1])
    return f"A blind judge picks the match in {one} and {other} of cases (a to b, b to a); chance is 25 %"


def _panel(bins: Mapping[str, Any], words: str, corner: tuple[int, int], *, chance: float) -> list[str]:
    left, top = corner

    def x(r: float) -> float:
        return round(left + _WIDTH * r, 1)

    def y(share: float) -> float:
        return round(top + _HEIGHT * (1 - share), 1)

    right = left + _WIDTH
    parts = [f'<text x="{left}" y="{top - 14}">{words}</text>']
    for tenth in range(0, 11, 2):
        share = tenth / 10
        parts.append(f'<line class="hair" x1="{left}" x2="{right}" y1="{y(share)}" y2="{y(share)}"/>')
        parts.append(
            f'<text class="small" x="{left - 8}" y="{y(share) + 4}" text-anchor="end">{tenth * 10} %</text>'
            f'<text class="small" x="{x(share)}" y="{top + _HEIGHT + 18}" text-anchor="middle">{share:g}</text>'
        )
    at = y(chance)
    parts.append(f'<line class="chance" x1="{left}" x2="{right}" y1="{at}" y2="{at}"/>')
    parts.append(f'<text class="small" x="{right}" y="{at + 15}" text-anchor="end">chance</text>')
    parts.append(
        f'<text class="small" x="{left + _WIDTH / 2}" y="{top + _HEIGHT + 36}" text-anchor="middle">'
        "r of the feature and its match, held out</text>"
    )
    for kind, name, hue in _KINDS:
        for found in bins[kind]:
            at = x(found["r"])
            said = f"{name}: {100 * found['value']:.0f} % of {found['cases']:,} at r = {found['r']:.2f}"
            parts.append(
                f'<line x1="{at}" x2="{at}" y1="{y(found["low"])}" y2="{y(found["high"])}" stroke="{hue}" '
                f'stroke-width="1.5"/>{_point(kind, at, y(found["value"]), hue, escape(said))}'
            )
    return parts


def _point(kind: str, x: float, y: float, *more: str) -> str:
    hue, said = more
    if kind == "match":
        return f'<circle cx="{x}" cy="{y}" r="5" fill="{hue}"><title>{said}</title></circle>'
    box = f'x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9"'
    return f'<rect {box} fill="#ffffff" stroke="{hue}" stroke-width="2"><title>{said}</title></rect>'


def _legend(y: int) -> list[str]:
    parts, x = [], 28.0
    for kind, words, hue in _KINDS:
        parts.append(_point(kind, x, y - 4, hue, escape(words)))
        parts.append(f'<text class="small" x="{x + 12}" y="{y}">{escape(words)}</text>')
        x += 40 + 6.4 * len(words)
    return parts
