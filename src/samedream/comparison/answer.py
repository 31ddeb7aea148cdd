"""The answer in one page (`answer.json`) and in one sentence, from figures only."""

from typing import Any

KEYS = (
    "models",
    "passages",
    "universality",
    "floor",
    "ceiling",
    "normalised",
    "shared_fraction",
    "granularity",
    "verdict",
)
_WAYS = ("a_to_b", "b_to_a")


def answer(summary: dict[str, Any]) -> dict[str, Any]:
    """The part of ``summary.json`` that programs rely on (`answer.json`); the curves of granularity stay there."""
    found = {key: summary[key] for key in KEYS}
    found["granularity"] = {key: value for key, value in summary["granularity"].items() if key != "curves"}
    return found


def verdict(summary: dict[str, Any]) -> str:
    """One plain sentence; it says "cannot tell" where a figure is missing.

    Args:
        summary: ``models``, ``shared_fraction``, ``normalised``, ``floor``, ``ceiling`` and ``universality`` are read.
    """
    a, b = summary["models"]
    shared = summary["shared_fraction"]
    if shared["a_to_b"] is None and shared["b_to_a"] is None:
        return f"Cannot tell what share of their features {a} and {b} have in common: {_why(summary)}."
    parts = [
        f"{_percent(shared[way])} of {one}'s stable features are also in {other}"
        if shared[way] is not None
        else f"what share of {one}'s features is in {other} cannot be told"
        for way, one, other in zip(_WAYS, (a, b), (b, a), strict=True)
    ]
    sentence = " and ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}{_scale(summary)}."


def _scale(summary: dict[str, Any]) -> str:
    found = [summary["normalised"][way] for way in _WAYS]
    if any(interval is None for interval in found):
        return "; where the match lies between a random twin and a model's own repeat cannot be told"
    return (
        "; on a scale from a random twin (0) to a model's own repeat (1) the match is "
        f"{_number(found[0])} one way and {_number(found[1])} the other"
    )


def _why(summary: dict[str, Any]) -> str:
    missing = [
        words
        for key, words in (("floor", "a random twin"), ("ceiling", "a repeat with another seed"))
        if all(summary[key][way] is None for way in _WAYS)
    ]
    if missing:
        reason = f"{' and '.join(missing)} would be needed"
    else:
        reason = "a model's own repeat is not found clearly better than a random twin"
    raw = " and ".join(_number(summary["universality"][way]) for way in _WAYS)
    return f"{reason} (uncorrected universality is {raw})"


def _percent(interval: dict[str, float]) -> str:
    value, low, high = (f"{100 * interval[key]:.0f}" for key in ("value", "low", "high"))
    return f"{value} % [{low}–{high} %]"


def _number(interval: dict[str, float]) -> str:
    return f"{interval['value']:.2f} [{interval['low']:.2f}–{interval['high']:.2f}]"
