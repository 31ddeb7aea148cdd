"""The ranges of health to aim for, and which knob to turn outside them."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from samedream.records import Interval


class Metric(msgspec.Struct, frozen=True, omit_defaults=True):
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
        interval: The figure with its 95 % interval, where one was made.
    """

    key: str
    name: str
    value: float
    low: float | None
    high: float | None
    healthy: bool | None
    advice: str
    meaning: str
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class _Range:
    name: str
    meaning: str
    low: float | None = None
    high: float | None = None
    too_low: str = ""
    too_high: str = ""
    digits: int = 3  # figures are held against the range as they are shown


_LOSS = "cross-entropy of the next token on held-out articles, nats per token"
_RECOVER = (
    "The features miss some of what the model needs for its next token: raise k (topkFeatures) or expansion "
    "(codeDimsMultiplier), or give more data or steps."
)

_RANGES = {
    "variance_explained": _Range(
        "variance explained",
        "share of the hidden states' variance that the features give back, on held-out rows; 1 is all of it",
    ),
    "cosine": _Range(
        "cosine",
        "mean over held-out rows of the cosine between a row and its reconstruction, both measured from the mean of "
        "the held-out rows; unlike variance explained every row counts alike, whatever its length",
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
    "l0_median": _Range("L0, median row", "half of the held-out rows have at most this many active features"),
    "l0_p95": _Range("L0, 95th percentile", "95 % of the held-out rows have at most this many active features"),
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
        digits=2,
    ),
    "decoder_cosine_mean": _Range(
        "decoder cosine, mean",
        "mean cosine between the directions of two features, over all pairs",
        high=0.3,
        too_high="Features share a direction: lower expansion (codeDimsMultiplier), raise l1_strength (l1Strength), or "
        "look for one topic that fills the data.",
        digits=2,
    ),
    "decoder_cosine_p95": _Range(
        "decoder cosine, 95th percentile",
        "cosine that 95 % of all pairs of features stay below",
        high=0.6,
        too_high="Many features point almost the same way: lower expansion (codeDimsMultiplier), or give more varied "
        "data.",
        digits=2,
    ),
    "decoder_cosine_max": _Range(
        "decoder cosine, maximum",
        "largest cosine between two features; near 1 they are duplicates",
        high=0.95,
        too_high="At least two features are duplicates: lower expansion (codeDimsMultiplier) or k (topkFeatures), or "
        "give more data.",
        digits=2,
    ),
    "ce_clean": _Range("loss of the model", f"{_LOSS}, of the model as it is"),
    "ce_reconstructed": _Range(
        "loss with the dictionary", f"{_LOSS}, when the dictionary's reconstruction stands in for the hidden states"
    ),
    "ce_ablated": _Range(
        "loss without the layer", f"{_LOSS}, when one mean stands in for all hidden states of the layer"
    ),
    "ce_recovered": _Range(
        "loss recovered",
        "share of what the model loses without the layer that the reconstruction gives back: (loss without the layer - "
        "loss with the dictionary) / (loss without the layer - loss of the model); 1 is all of it, and more than 1 "
        "would mean that it predicts better than the model itself",
        low=0.9,
        too_low=_RECOVER,
        digits=2,
    ),
    "kl_reconstructed": _Range(
        "KL to the model",
        "KL(model || with the dictionary) per token on held-out articles, nats: how far the predictions move, whether "
        "or not they were right",
    ),
    "kl_recovered": _Range(
        "KL recovered",
        "1 - KL with the dictionary / KL without the layer; 1 means that the predictions do not move at all",
        low=0.9,
        too_low=_RECOVER,
        digits=2,
    ),
}


def judge(values: Mapping[str, float | Interval]) -> list[Metric]:
    """Hold figures against their healthy ranges.

    Args:
        values: Key → figure, or figure with interval.

    Returns:
        One metric per key, in the order of the health table.

    Raises:
        ValueError: A key that has no place in the table.
    """
    order = list(_RANGES)
    return [_judge(key, values[key], _RANGES[key]) for key in sorted(values, key=order.index)]


def _judge(key: str, found: float | Interval, aim: _Range) -> Metric:
    interval = found if isinstance(found, Interval) else None
    value = found.value if isinstance(found, Interval) else found
    shown = round(value, aim.digits)
    advice = ""
    if aim.low is not None and shown < aim.low:
        advice = aim.too_low
    if aim.high is not None and shown > aim.high:
        advice = aim.too_high
    healthy = None if aim.low is None and aim.high is None else not advice
    return Metric(key, aim.name, value, aim.low, aim.high, healthy, advice, aim.meaning, interval)
