"""Numbers as the page writes them, and the sentences it computes from them. Nothing here claims more than its interval.

Correlations and shares have two figures (".91", "41 %"), intervals stand in brackets, and what the study cannot
support reads "cannot tell".
"""

from collections.abc import Mapping, Sequence
from statistics import median

from samedream.records import Directed, Interval
from samedream.report.pairs import (
    CLASSES,
    DEAD,
    MANY_TO_MANY,
    MATCHED,
    MERGE,
    ONE_TO_ONE,
    ONE_WAY,
    ONLY_HERE,
    SPLIT,
    TOO_RARE,
    UNSTABLE,
    Match,
)

CANNOT_TELL = "cannot tell"
NONE = "–"
PERCENT = "\N{NO-BREAK SPACE}%"


def figure(value: float | None) -> str:
    """A correlation or score in two decimals without the leading zero: ".91", "−.05", "1.00"."""
    if value is None:
        return NONE
    text = f"{abs(value):.2f}"
    sign = "−" if value < 0 and text.strip("0.") else ""
    return sign + (text[1:] if text.startswith("0") else text)


def percent(share: float | None) -> str:
    """A share in percent with two figures: "41 %", "5.2 %", "0.31 %"."""
    if share is None:
        return NONE
    value = 100 * share
    places = 0 if abs(value) >= 10 or value == 0 else 1 if abs(value) >= 1 else 2
    return f"{value:.{places}f}{PERCENT}".replace("-", "−")


def count(number: int) -> str:
    """A count with commas: "1,234"."""
    return f"{number:,}"


def counted(number: int, thing: str) -> str:
    """A count with its noun: "1 pair", "1,234 pairs"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def significant(value: float | None) -> str:
    """Any other number in two figures: "0.034", "0.41", "2.4", "31", "1,240"."""
    if value is None:
        return NONE
    return (f"{value:,.0f}" if abs(value) >= 10 else f"{value:#.2g}").replace("-", "−")


def plainly(value: float) -> str:
    """A round bound as it was set: "0.02", "0.1", "32"."""
    return f"{value:.4g}".replace("-", "−")


def between(interval: Interval | None, write: str = "figure") -> str:
    """The ends of an interval: "[.28–.34]" or, with write = "percent", "[36–46 %]"."""
    if interval is None:
        return ""
    if write == "percent":
        low = percent(interval.low).removesuffix(PERCENT)
        return f"[{low}–{percent(interval.high)}]"
    return f"[{figure(interval.low)}–{figure(interval.high)}]"


def listed(names: Sequence[str]) -> str:
    """Names as in a sentence: "A", "A and B", "A, B and C"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def question(names: Sequence[str]) -> str:
    """The page's heading."""
    return f"Do {listed(names)} dream the same concepts?"


def _ways(figures: Directed | None) -> list[Interval | None]:
    return [figures.a_to_b, figures.b_to_a] if figures else [None, None]


def headline(shared: Directed | None) -> str:
    """The answer in the fewest words; the verdict below it has the intervals.

    Args:
        shared: The estimated share of stable features that the other model has too.
    """
    there, back = _ways(shared)
    if there is None or back is None:
        return "How much they share, we cannot tell from this study."
    if min(there.low, back.low) <= 0:
        return "Whether they share anything, we cannot tell from this study."
    shares = list(dict.fromkeys(f"{100 * interval.value:.0f}{PERCENT}" for interval in (there, back)))
    return f"They share about {listed(shares)} of their stable features."


def scale_title(names: tuple[str, str], figures: Mapping[str, Directed | None]) -> str:
    """What the floor-to-ceiling figure shows.

    Args:
        names: The two models.
        figures: "universality", "floor", "ceiling" and "normalised".
    """
    a, b = names
    values, floors = _ways(figures["universality"]), _ways(figures["floor"])
    whole = _ways(figures["normalised"])
    if None in values:
        return f"How far {a} and {b} agree: {CANNOT_TELL}"
    if None in floors:
        return "What this agreement is worth, we cannot tell: the study has no random twins to compare with"
    above = [v.low > f.high for v, f in zip(values, floors, strict=True) if v and f]
    if not all(above):
        return "From this study we cannot tell their agreement from that of random twins"
    if whole[0] is None or whole[1] is None:
        return f"{a} and {b} agree more than random twins do; how near to one model read twice, we cannot tell"
    there, back = percent(whole[0].value), percent(whole[1].value)
    far = there if there == back else f"{there} and {back}"
    return f"They come {far} of the way from random twins to one model trained twice"


def scale_gaps(figures: Mapping[str, Directed | None]) -> list[str]:
    """Why a mark is missing in the floor-to-ceiling figure, one sentence for each."""
    gaps = []
    if None in _ways(figures["universality"]):
        gaps.append("The match strength itself is missing: too few features fire often enough to be judged.")
    if None in _ways(figures["floor"]):
        gaps.append("No floor: the study did not read the passages with randomly initialised twins (floor = true).")
    if None in _ways(figures["ceiling"]):
        gaps.append(
            "No ceiling: the study has no second dictionary for each model (ceiling = true, or sae with two paths)."
        )
    if not gaps and None in _ways(figures["normalised"]):
        gaps.append("No share of the way: floor and ceiling lie too close together to divide by their distance.")
    return gaps


def class_words(kind: str, name: str, other: str, stable_known: bool) -> tuple[str, str]:
    """A class of features in a few plain words, and in one sentence."""
    no_partner = f"no feature of {other} passes the test"
    known = {
        ONE_TO_ONE: ("shared, one to one", f"the two features choose each other, and the match passes ({kind})"),
        SPLIT: ("shared, in parts", f"several features of {other} together are this one ({kind})"),
        MERGE: ("shared, as a part", f"this and others of {name} together are one feature of {other} ({kind})"),
        MANY_TO_MANY: ("shared, many to many", f"{name} and {other} cut the same ground into parts otherwise ({kind})"),
        ONE_WAY: ("shared, one way", f"the match passes, but its partner fits another feature better ({kind})"),
        ONLY_HERE: (f"only {name}", f"{no_partner}, although {name} trained again finds it ({kind})"),
        UNSTABLE: ("unstable", f"{no_partner}, but neither does {name} trained again find it: it says little ({kind})"),
        TOO_RARE: ("too rare to tell", "fires in too few passages to be judged"),
        DEAD: ("never fires", "no passage excites it (dead)"),
    }
    if kind in (ONLY_HERE, UNSTABLE) and not stable_known:
        return "no partner", f"{no_partner}; whether it is stable we cannot tell: {name} was not trained again"
    return known.get(kind, (kind, kind))


def class_title(name: str, other: str, counts: Mapping[str, int]) -> str:
    """What one model's class bar shows."""
    judged = sum(counts.get(kind, 0) for kind in CLASSES if kind not in (TOO_RARE, DEAD))
    if not judged:
        return f"No feature of {name} fires often enough to be judged"
    matched = sum(counts.get(kind, 0) for kind in MATCHED)
    if not matched:
        return f"No feature of {name} has a partner in {other} that we can be sure of"
    return f"{percent(matched / judged)} of {name}’s features have a partner in {other}, whole or in parts"


def strength_title(name: str, other: str, rows: Sequence[Match]) -> str:
    """What one model's histogram of match strength shows: the three medians."""
    middle = {
        key: median(found) if (found := [v for row in rows if (v := getattr(row, key)) is not None]) else None
        for key in ("r", "floor_r", "repeat_r")
    }
    if middle["r"] is None:
        return f"No feature of {name} could be matched"
    places = (("floor_r", "a random twin"), ("repeat_r", "itself again"))
    beside = [f"{words} {figure(middle[key])}" for key, words in places if middle[key] is not None]
    title = f"Half of {name}’s features find a match of {figure(middle['r'])} or better in {other}"
    return title + (f" (in {', in '.join(beside)})" if beside else "")


def health_title(healthy: int, judged: int) -> str:
    """What the health table shows."""
    if not judged:
        return "Whether the dictionaries are in good health, we cannot tell"
    if healthy == judged:
        return f"All {judged} figures lie in their healthy range"
    return f"{healthy} of {judged} figures lie in their healthy range"
