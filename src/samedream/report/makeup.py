"""What the sharing is made of, in tables: single words, topics, and kinds of boilerplate."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from samedream.report.tables import WAYS, Column, Line, Table, at, both_ways, cell, interval, kept
from samedream.report.words import CANNOT_TELL, figure, listed, percent, significant

_THREE = "any of the three"
_KINDS = ("sports and competitions", "dates", "acronyms", _THREE)
_MADE_OF = (
    # words, meaning, path, whether a yardstick
    (
        "matches that are nearly a word",
        "the feature follows its best single word at least .8 times as well as its partner",
        ("words", "surface_share"),
        False,
    ),
    ("the same among matches with its own repeat", "", ("words", "surface_share_repeat"), True),
    (
        "of the match, explained by words",
        "what goes when the best ten words of the pair are taken out",
        ("words", "explained"),
        False,
    ),
    ("the same with the words of another pair", "", ("words", "explained_by_others_words"), True),
    ("matches that hold without their words", "", ("words", "surviving"), False),
    (
        "of the match, explained by topics",
        "what is still there when articles change places within their topic only",
        ("within_topic", "explained"),
        False,
    ),
    ("the same when they change places everywhere", "", ("within_topic", "explained_by_any_shuffle"), True),
    ("matches that say more than their topic", "", ("within_topic", "surviving"), False),
)


def makeup(found: Any, names: tuple[str, str]) -> list[Table]:
    """Tables of a summary's `sharing`.

    Args:
        found: The section.
        names: The two models, a first.
    """
    return [_words_and_topics(found, names), _boilerplate(found, names)]


def _reasons(found: Any, *sections: str) -> str:
    reasons = [str(reason) for section in sections if (reason := at(found, "missing", section))]
    return f"{'; '.join(dict.fromkeys(reasons))}" if reasons else "no match passes the test"


def _words_and_topics(found: Any, names: tuple[str, str]) -> Table:
    lines = [
        Line(words, meaning, tuple(cell(at(found, path[0], way, path[1]), share=True) for way in WAYS), control)
        for words, meaning, path, control in _MADE_OF
    ]
    lines.append(_largest_drop(found))
    shown = kept(lines)
    if not any(not line.control for line in shown):
        return Table("words", f"What the matches are made of: {CANNOT_TELL}", gap=_reasons(found, "words", "topics"))
    nearly = [interval(at(found, "words", way, "surface_share")) for way in WAYS]
    shares = list(dict.fromkeys(percent(one.value) for one in nearly if one))
    title = f"{listed(shares)} of the matches are nearly a single word" if shares else "What the matches are made of"
    missing = at(found, "missing")
    left_out = f" Missing: {_reasons(found, *missing)}." if isinstance(missing, Mapping) and missing else ""
    return Table(
        "words",
        title,
        both_ways(names),
        shown,
        "Matches: features that pass the test. Grey lines are yardsticks: what lies clearly above them is no accident "
        "of the method. It could mislead: a feature may be more than its word and still be no idea; only the topics "
        f"that the corpus names are taken out, finer ones would explain more.{left_out}",
    )


def _largest_drop(found: Any) -> Line:
    cells = []
    for way in WAYS:
        largest = at(found, "topics", way, "largest_drop")
        topic = str(at(largest, "topic") or "")
        drop = cell(at(largest, "drop"), note=f"without “{topic}”" if topic else "")
        cells.append(replace(drop, text=significant(at(largest, "drop", "value")), ends=_ends(at(largest, "drop"))))
    meaning = "how far the match strength falls when the passages of one topic are left out"
    return Line("the topic that matters most", meaning, tuple(cells))


def _ends(found: Any) -> str:
    known = interval(found)
    return f"[{significant(known.low)}–{significant(known.high)}]" if known else ""


def _boilerplate(found: Any, names: tuple[str, str]) -> Table:
    def figures(kind: str, which: str) -> list[Any]:
        return [at(found, "flags", way, kind, which) for way in WAYS]

    lines = []
    for kind in _KINDS:
        corpus = next((share for share in figures(kind, "corpus") if share is not None), None)
        spread = zip(figures(kind, "matched"), figures(kind, "unmatched"), strict=True)
        cells = [cell(one, share=True, ticks=[corpus]) for pair in spread for one in pair]
        lines.append(Line(kind, "", (cell(corpus, share=True), *cells)))
    shown = kept(lines)
    if not shown:
        title = f"Whether sports, dates and acronyms carry the matches: {CANNOT_TELL}"
        return Table("boilerplate", title, gap=_reasons(found, "flags"))
    lifts = [interval(one) for one in figures(_THREE, "lift")]
    said = list(dict.fromkeys(figure(one.value) for one in lifts if one))
    others = [interval(one) for one in figures(_THREE, "lift_unmatched")]
    beside = list(dict.fromkeys(figure(one.value) for one in others if one))
    title = (
        f"Sports, dates and acronyms have {listed(said)} times their share of the matched features’ activity"
        + (f"; of the others’ {listed(beside)}" if beside else "")
        if said
        else "Sports, dates and acronyms in the features’ activity"
    )
    heads = (Column(f"{name}: {what}", side) for side, name in enumerate(names) for what in ("matched", "the others"))
    return Table(
        "boilerplate",
        title,
        (Column("of the passages"), *heads),
        shown,
        "Share of the passages, and of the activity of the features that pass the test and of the others. The tick is "
        " the share of the passages. If the matches lived on such passages, the matched features would have far "
        "more there than the others. Found by word lists (English) and capitals.",
    )
