"""The picture of three models and more: tree, matrix, and where their features are found, as one self-contained SVG."""

from collections.abc import Mapping
from html import escape
from textwrap import wrap
from typing import Any

_TREE_LEFT, _TREE_RIGHT, _TOP = 40, 200, 78
_ROW, _CELL, _BARS = 58, 104, 300
_LETTER, _SMALL_LETTER = 7.4, 6.3  # width of a letter, roughly
_LONGEST = 30  # letters of a name that are shown
_SHARED = "#009e73"
_PARTS = (("all", "in all others", 0.85), ("some", "in some", 0.4), ("only_here", "in none", 0.0))
_STYLE = """
text{font:13px system-ui,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;fill:#15171b}
text{font-variant-numeric:tabular-nums}
.title{font-size:16px;font-weight:600}
.small{font-size:12px;fill:#5a606a}
.hair{stroke:#dcdfe4;fill:none}
.branch{fill:none;stroke:#15171b;stroke-width:1.5}
.none{fill:#eef0f2}
.part{stroke:#8a8f98;stroke-width:.75}
"""


def draw(summary: Mapping[str, Any]) -> str:
    """Draw what three models and more have in common.

    Rows stand in the order of the tree's leaves, or in the study's where there is no tree.

    Args:
        summary: As `together.put_together` makes it, in plain JSON values.
    """
    tree = summary["tree"]
    models = list(tree["leaves"] if tree else summary["models"])
    heads = {name: _broken(_short(name)) for name in models}
    first = _TOP + 16 * max(len(lines) for lines in heads.values()) + 12 + _ROW // 2
    rows = {name: first + _ROW * place for place, name in enumerate(models)}
    left = _TREE_RIGHT + 14 + round(_LETTER * max(len(_short(name)) for name in models)) + 14
    columns = {name: left + _CELL * place for place, name in enumerate(models)}
    right = left + _CELL * len(models) + 40
    bottom = max(rows.values()) + _ROW
    width = right + _BARS + 64
    captions = _caption(bool(tree), width)
    height = bottom + 58 + 17 * len(captions)
    parts = [
        f'<text class="title" x="{_TREE_LEFT}" y="30">{escape(_title(summary))}</text>',
        f'<text class="small" x="{_TREE_LEFT}" y="52">{escape(_subtitle(summary))}</text>',
        *_tree(tree, rows, bottom),
        *_names(rows, columns, heads),
        *_matrix(summary["normalised"], rows, columns),
        *_bars(summary["found"], rows, right, bottom),
        *(
            f'<text class="small" x="{_TREE_LEFT}" y="{bottom + 62 + 17 * line}">{text}</text>'
            for line, text in enumerate(captions)
        ),
    ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(_title(summary))}">\n<style>{_STYLE}</style>\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _title(summary: Mapping[str, Any]) -> str:
    """What to see: which two are nearest."""
    if not summary["tree"]:
        return "How alike the models are cannot be told for every two of them"
    first = summary["tree"]["joins"][0]
    one, other = (_short(first[side][0]) for side in ("left", "right"))
    alike = 100 * (1 - first["distance"])
    return f"Most alike are {one} and {other}: {alike:.0f} % of the way from a random twin to a model’s own repeat"


def _subtitle(summary: Mapping[str, Any]) -> str:
    concepts = summary["concepts"]
    return (
        f"{len(summary['models'])} models; {concepts['in_all']:,} concepts that all of them have, "
        f"{concepts['count'] - concepts['in_all']:,} that some have"
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 12]}…{name[-11:]}"


def _names(rows: Mapping[str, int], columns: Mapping[str, int], heads: Mapping[str, list[str]]) -> list[str]:
    parts = [f'<text x="{_TREE_RIGHT + 14}" y="{y + 4}">{escape(_short(name))}</text>' for name, y in rows.items()]
    start = min(rows.values()) - _ROW / 2 - 12
    for number, (name, x) in enumerate(columns.items()):
        for line, text in enumerate(reversed(heads[name])):
            y = start - 16 * line
            parts.append(f'<text x="{x + _CELL / 2}" y="{y}" text-anchor="middle">{escape(text)}</text>')
        if number == 0:
            parts.append(
                f'<text class="small" x="{x - 14}" y="{start}" text-anchor="end">features of ↓ found in →</text>'
            )
    return parts


def _broken(name: str) -> list[str]:
    """A name in lines as wide as a cell, broken after hyphens and spaces where there are any."""
    letters = int((_CELL - 6) / _LETTER)
    lines = [""]
    for word in name.replace("-", "-\0").replace(" ", " \0").split("\0"):
        if len(lines[-1]) + len(word.rstrip()) > letters and lines[-1]:
            lines.append("")
        lines[-1] += word
    return [line[start : start + letters] for line in lines for start in range(0, len(line), letters)]


def _matrix(found: Mapping[str, Any], rows: Mapping[str, int], columns: Mapping[str, int]) -> list[str]:
    parts = []
    for row, y in rows.items():
        for column, x in columns.items():
            middle = x + _CELL / 2
            box = f'x="{x + 1}" y="{y - _ROW / 2 + 1}" width="{_CELL - 2}" height="{_ROW - 2}"'
            interval = None if row == column else found[row][column]
            if interval is None:
                text = "own repeat: 1" if row == column else "cannot tell"
                parts.append(f'<rect class="none" {box}/>')
                parts.append(f'<text class="small" x="{middle}" y="{y + 4}" text-anchor="middle">{text}</text>')
                continue
            shade = 0.75 * min(1.0, max(0.0, interval["value"]))
            ends = f"{interval['low']:.2f}–{interval['high']:.2f}"
            parts.append(f'<rect {box} fill="{_SHARED}" fill-opacity="{shade:.3f}" stroke="#dcdfe4"/>')
            parts.append(f'<text x="{middle}" y="{y - 2}" text-anchor="middle">{interval["value"]:.2f}</text>')
            parts.append(
                f'<text class="small" style="fill:#15171b" x="{middle}" y="{y + 16}" text-anchor="middle">{ends}</text>'
            )
    return parts


def _tree(tree: Mapping[str, Any] | None, rows: Mapping[str, int], bottom: int) -> list[str]:
    """Leaves at the right, the last join at the left; the axis is the distance."""
    if not tree:
        return [f'<text class="small" x="{_TREE_LEFT}" y="{min(rows.values()) + 4}">no tree</text>']
    joins = tree["joins"]
    longest = max(0.1, 1.1 * max(join["distance"] for join in joins))

    def x(distance: float) -> float:
        return round(_TREE_RIGHT - float(distance / longest) * (_TREE_RIGHT - _TREE_LEFT), 1)

    place = {(name,): (float(_TREE_RIGHT), float(y)) for name, y in rows.items()}
    parts = []
    for join in joins:
        at = x(join["distance"])
        (x1, y1), (x2, y2) = (place.pop(tuple(join[side])) for side in ("left", "right"))
        parts.append(f'<polyline class="branch" points="{x1},{y1} {at},{y1} {at},{y2} {x2},{y2}"/>')
        place[(*join["left"], *join["right"])] = at, (y1 + y2) / 2
        if join["support"] is not None:
            text = f"{100 * join['support']:.0f} %"
            parts.append(f'<text class="small" x="{at - 4}" y="{(y1 + y2) / 2 - 6}" text-anchor="end">{text}</text>')
    y = bottom - 14
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if longest / step <= 5)
    parts.append(f'<line class="hair" x1="{x(longest)}" x2="{_TREE_RIGHT}" y1="{y}" y2="{y}"/>')
    for number in range(int(longest / step) + 1):
        at = x(number * step)
        parts.append(f'<line class="hair" x1="{at}" x2="{at}" y1="{y}" y2="{y + 5}"/>')
        parts.append(f'<text class="small" x="{at}" y="{y + 19}" text-anchor="middle">{number * step:g}</text>')
    parts.append(f'<text class="small" x="{_TREE_LEFT}" y="{y + 37}">distance</text>')
    return parts


def _bars(found: Mapping[str, Any], rows: Mapping[str, int], left: int, bottom: int) -> list[str]:
    """A bar for each model: of its stable features, how many are found in all, some, none of the others."""
    start = min(rows.values()) - _ROW / 2 - 12
    parts = [f'<text class="small" x="{left}" y="{start}">of the stable features, found …</text>']
    for name, y in rows.items():
        tally = found[name]["stable"]
        if tally is None or not tally["count"]:
            parts.append(f'<text class="small" x="{left}" y="{y + 4}">cannot tell</text>')
            continue
        end = left + _BARS + 8
        parts.append(f'<text class="small" x="{end}" y="{y + 4}">of {tally["count"]:,}</text>')
        x = float(left)
        for key, words, shade in _PARTS:
            width = round(_BARS * tally["share"][key], 1)
            said = f"{name}: {tally[key]:,} of {tally['count']:,} stable features {words}"
            parts.append(
                f'<rect class="part" x="{x:.1f}" y="{y - 13}" width="{width}" height="26" '
                f'fill="{_fill(shade)}" fill-opacity="{shade or 1}"><title>{escape(said)}</title></rect>'
            )
            if width > 9 * len(f"{tally[key]:,}"):
                parts.append(f'<text x="{x + width / 2:.1f}" y="{y + 5}" text-anchor="middle">{tally[key]:,}</text>')
            x += width
    x = float(left)
    for _, words, shade in _PARTS:
        box = f'x="{x}" y="{bottom - 9}" width="12" height="12"'
        parts.append(f'<rect class="part" {box} fill="{_fill(shade)}" fill-opacity="{shade or 1}"/>')
        parts.append(f'<text class="small" x="{x + 18}" y="{bottom + 2}">{words}</text>')
        x += 18 + _LETTER * len(words) + 16
    return parts


def _fill(shade: float) -> str:
    return _SHARED if shade else "#eef0f2"


def _caption(tree: bool, width: int) -> list[str]:
    """How it was measured, and where it could mislead; in lines that fit the picture."""
    texts = [
        "Numbers: normalised universality with its 95 % interval over articles; 0 is what a random twin gives, 1 what "
        "the same model gives when its dictionary is trained again.",
        "Bars: features that their own repeat finds again. The test misses some matches, so “in all others” tends "
        "to be too short.",
    ]
    if tree:
        texts.append(
            "Tree: average linkage of 1 - the mean of both directions. A percentage says how often the group stays "
            "together when the distances are drawn anew within their intervals; other seeds of a dictionary are not in "
            "it. With few models a tree says little more than which two are nearest."
        )
    return [line for text in texts for line in wrap(text, int((width - 2 * _TREE_LEFT) / _SMALL_LETTER))]
