"""The ranges of health the user aims for, and which knob to turn outside them."""

from dataclasses import dataclass

import msgspec


class Metric(msgspec.Struct, frozen=True):
    """One health figure.

    Attributes:
        key: Its name for programs.
        name: Its name for people.
        value: The figure.
        low: Lower end of the healthy range, or None.
        high: Upper end, or None.
        healthy: Whether it lies inside; None where there is no range.
        advice: Which knob to turn; empty when healthy.
        meaning: What is measured, in plain words.
    """

    key: str
    name: str
    value: float
    low: float | None
    high: float | None
    healthy: bool | None
    advice: str
    meaning: str


@dataclass(frozen=True, slots=True)
class _Range:
    name: str
    meaning: str
    low: float | None = None
    high: float | None = None
    too_low: str = ""
    too_high: str = ""
    digits: int = 3  # figures are held against the range as they are shown


_RANGES = {
    "variance_explained": _Range(
        "variance explained",
        "share of the hidden states' variance that the features give back, on held-out rows; 1 is all of it",
    ),
    "l0": _Range(
        "L0",
        "features active per hidden state, on average over held-out rows",
        low=32,
        high=64,
        too_low="Few features per hidden state: raise k (topkFeatures) if reconstruction matters more than sharpness.",
        too_high="Many features per hidden state blur them: lower k (topkFeatures), or raise l1_strength (l1Strength).",
        digits=0,
    ),
    "dead_share": _Range(
        "dead features",
        "share of all features that fire on none of the rows looked at",
        low=0.05,
        high=0.2,
        too_low="Fewer dead features than the range, which does no harm: all of the width is used. There is room for a "
        "larger k (topkFeatures) or l1_strength (l1Strength); if features look split into near copies, lower expansion "
        "(codeDimsMultiplier).",
        too_high="Part of the width is wasted: lower expansion (codeDimsMultiplier) or l1_strength (l1Strength), raise "
        "k (topkFeatures), or give more data or steps.",
    ),
    "density": _Range(
        "density",
        "share of all features that are active on a hidden state, on average over held-out rows",
        low=0.02,
        high=0.1,
        too_low="Sparser than the range: raise k (topkFeatures), or lower expansion (codeDimsMultiplier) or "
        "l1_strength (l1Strength).",
        too_high="Denser than the range, features blur: lower k (topkFeatures), raise l1_strength (l1Strength), or "
        "raise expansion (codeDimsMultiplier).",
    ),
    "gini": _Range(
        "Gini of use",
        "how unevenly features are used on held-out rows: 0 is all equally often, 1 is one feature alone",
        low=0.2,
        high=0.6,
        too_low="All features fire about equally often, as near copies of each other do: lower k (topkFeatures) or "
        "raise l1_strength (l1Strength).",
        too_high="A few features do most of the work: give more varied data, lower l1_strength (l1Strength) or raise k "
        "(topkFeatures); if many are dead, lower expansion (codeDimsMultiplier).",
    ),
    "decoder_cosine_mean": _Range(
        "decoder cosine, mean",
        "mean cosine between the directions of two features, over all pairs",
        high=0.3,
        too_high="Features share a direction: lower expansion (codeDimsMultiplier), raise l1_strength (l1Strength), or "
        "look for one topic that fills the data.",
    ),
    "decoder_cosine_p95": _Range(
        "decoder cosine, 95th percentile",
        "cosine that 95 % of all pairs of features stay below",
        high=0.6,
        too_high="Many features point almost the same way: lower expansion (codeDimsMultiplier), or give more varied "
        "data.",
    ),
    "decoder_cosine_max": _Range(
        "decoder cosine, maximum",
        "largest cosine between two features; near 1 they are duplicates",
        high=0.95,
        too_high="At least two features are duplicates: lower expansion (codeDimsMultiplier) or k (topkFeatures), or "
        "give more data.",
    ),
}


def judge(values: dict[str, float]) -> list[Metric]:
    """Hold figures against the user's ranges.

    Args:
        values: Key → figure, for every key there is a range for.

    Returns:
        One metric per key, in a fixed order.
    """
    return [_judge(key, values[key], aim) for key, aim in _RANGES.items()]


def _judge(key: str, value: float, aim: _Range) -> Metric:
    shown = round(value, aim.digits)
    advice = ""
    if aim.low is not None and shown < aim.low:
        advice = aim.too_low
    if aim.high is not None and shown > aim.high:
        advice = aim.too_high
    healthy = None if aim.low is None and aim.high is None else not advice
    return Metric(key, aim.name, value, aim.low, aim.high, healthy, advice, aim.meaning)
