"""Turn character spans into marked-up text. Passages are data: every character of them is escaped."""

from collections.abc import Sequence
from math import ceil

from markupsafe import Markup, escape

from samedream.report.reading import Span

LEVELS = 5  # steps of heat and underline; the number itself is in the mark's title


def level(share: float) -> int:
    """Step 1 to 5 of a share of the feature's maximum, 0 to 1."""
    return min(LEVELS, max(1, ceil(share * LEVELS)))


def segments(text: str, spans: Sequence[Span]) -> list[tuple[int, int, float]]:
    """Spans as pieces that do not overlap, in order: (start, end, value).

    Where spans overlap (two tokens can share a character) the largest value counts. Spans are clipped to the text,
    white space at the edges of a piece is left unmarked, and touching pieces of one value become one.

    Args:
        text: The passage.
        spans: In any order; empty or out-of-range ones are dropped.
    """
    inside = [Span(max(0, s.start), min(len(text), s.end), s.value) for s in spans]
    inside = [span for span in inside if span.start < span.end and span.value > 0]
    edges = sorted({edge for span in inside for edge in (span.start, span.end)})
    pieces: list[tuple[int, int, float]] = []
    for start, end in zip(edges, edges[1:], strict=False):
        value = max((s.value for s in inside if s.start <= start and end <= s.end), default=0.0)
        if value > 0:
            if pieces and pieces[-1][1] == start and pieces[-1][2] == value:
                start = pieces.pop()[0]
            pieces.append((start, end, value))
    trimmed = []
    for start, end, value in pieces:
        piece = text[start:end]
        start += len(piece) - len(piece.lstrip())
        end -= len(piece) - len(piece.rstrip())
        if start < end:
            trimmed.append((start, end, value))
    return trimmed


def number(value: float) -> str:
    """An activation in at most three figures: "12.3", "0.41", "1,240"."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def marked(text: str, spans: Sequence[Span], maximum: float) -> Markup:
    """A passage with the words that excite a feature marked by strength.

    Args:
        text: The passage.
        spans: Where the feature fires, and how strongly.
        maximum: The feature's largest activation anywhere: full heat.
    """
    parts: list[Markup | str] = []
    done = 0
    for start, end, value in segments(text, spans):
        share = value / maximum if maximum > 0 else 1.0
        parts.append(escape(text[done:start]))
        parts.append(
            Markup('<mark class="h{}" title="{} of {}">{}</mark>').format(
                level(share), number(value), number(max(maximum, value)), text[start:end]
            )
        )
        done = end
    parts.append(escape(text[done:]))
    return Markup("").join(parts)


def window(text: str, centre: int, width: int) -> tuple[int, int]:
    """Start and end of about `width` characters around `centre`, moved to word edges where there are any."""
    if len(text) <= width:
        return 0, len(text)
    start = max(0, min(centre - width // 2, len(text) - width))
    end = min(len(text), start + width)
    if start > 0:
        space = text.find(" ", start, start + 20)
        start = space + 1 if space >= 0 else start
    if end < len(text):
        space = text.rfind(" ", end - 20, end)
        end = space if space > start else end
    return start, end


def excerpt(text: str, a: Sequence[Span], b: Sequence[Span], width: int = 150) -> Markup:
    """A piece of a passage around the strongest mark (one that both make, if any), with both models' marks in one line.

    Words that excite a alone get class "a", b alone "b", both "a b".
    """
    inside = {"a": segments(text, a), "b": segments(text, b)}
    every = inside["a"] + inside["b"]
    both = [one for one in inside["a"] if any(one[0] < other[1] and other[0] < one[1] for other in inside["b"])]
    centre = max(both or inside["a"] or inside["b"], key=lambda piece: (piece[2], -piece[0]), default=(0, 0, 0.0))[0]
    low, high = window(text, centre, width)
    edges = sorted({low, high, *(e for piece in every for e in piece[:2] if low < e < high)})
    parts: list[Markup | str] = ["… " if low else ""]
    for start, end in zip(edges, edges[1:], strict=False):
        who = [side for side in "ab" if any(s <= start and end <= e for s, e, _ in inside[side])]
        piece = text[start:end]
        parts.append(Markup('<mark class="{}">{}</mark>').format(" ".join(who), piece) if who else escape(piece))
    parts.append(" …" if high < len(text) else "")
    return Markup("").join(parts)
