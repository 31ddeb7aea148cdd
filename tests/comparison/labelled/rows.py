"""Small tables of matches and labels, made by hand."""

from typing import Any

import pyarrow as pa

from samedream.comparison.labelled.features import together
from samedream.comparison.labelled.material import Material

NAMES = ("One", "Two")


def match(side: str, feature: int, partner: int | None = None, **more: Any) -> dict[str, Any]:
    row = {
        "side": side,
        "feature": feature,
        "partner": partner,
        "class": "one-to-one" if partner is not None else "only here",
        "r": 0.8,
        "repeat_r": 0.9,
        "firing_rate": 0.05,
        "effective_articles": 20.0,
        "entity_share": 0.1,
        "children": [],
    }
    return row | more


def label(feature: int, words: str, topic: str | None = None, share: float = 0.6, **more: Any) -> dict[str, Any]:
    topics = [topic] if topic else []
    row = {"feature": feature, "label": words, "kind": "mixed", "topics": topics, "topic_shares": [share] * len(topics)}
    return row | more


def interval(value: float, half: float = 0.02) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half, "confidence": 0.95}


def both(first: float, second: float) -> dict[str, Any]:
    return {"a_to_b": interval(first), "b_to_a": interval(second)}


def summary(**changed: Any) -> dict[str, Any]:
    """A comparison's summary, as far as it is put into words."""
    spread = {"effective_articles": interval(20, 2), "entity_share": interval(0.2)}
    found = {
        "models": list(NAMES),
        "shared_fraction": both(0.57, 0.74),
        "normalised": both(0.55, 0.72),
        "granularity": {
            "verdict": "no clear difference",
            "why": None,
            "margin": -0.1,
            "a": spread,
            "b": {"effective_articles": interval(21, 2), "entity_share": interval(0.3)},
            "by_measure": {
                "effective_articles": {"finding": "no clear difference", "margin": -0.1, "widths": 3},
                "entity_share": {"finding": "a lower", "margin": 0.05, "widths": 3},
            },
        },
        "embedding_similarity": {way: {"matched": 0.5, "random": 0.0, "own": 0.6} for way in ("a_to_b", "b_to_a")},
    }
    return found | changed


def material(
    matches: list[dict[str, Any]], labels: dict[str, list[dict[str, Any]]], found: dict[str, Any] | None = None
) -> Material:
    tables = {side: pa.Table.from_pylist(rows) for side, rows in labels.items()}
    return Material(NAMES, found or summary(), together(pa.Table.from_pylist(matches), tables), {})


def small(**changed: Any) -> Material:
    """Six one-to-one pairs on chess and rivers, and a feature of each side that is alone."""
    words = ("chess, king", "rook, pawn", "river, bank", "lake, sea", "bishop, board", "stream, flow")
    matches = [match("a", n, n, r=0.9 - n / 100) for n in range(6)] + [match("a", 6, r=0.05)]
    matches += [match("b", n, n, r=0.9 - n / 100) for n in range(6)] + [match("b", 6, r=0.07)]
    topics = ("Chess", "Chess", "Rivers", "Rivers", "Chess", "Rivers")
    labels = {
        "a": [label(n, words[n], topics[n]) for n in range(6)] + [label(6, "opera, aria")],
        "b": [label(n, f"{words[n]}, more{n}", topics[n]) for n in range(6)] + [label(6, "volcano, lava")],
    }
    return material(matches, labels, summary(**changed))
