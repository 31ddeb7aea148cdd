"""`matches`: one row for every feature of both sides, dead and rare ones too, with its class."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samedream.comparison.activity import Activity
from samedream.comparison.granularity.breadth import ARTICLES, ENTITIES, PASSAGES, TOPICS, WORDS, Breadth
from samedream.comparison.nulls import calibrated
from samedream.comparison.similarity import overlap, weighted_jaccard
from samedream.comparison.structure.assignment import ALONE
from samedream.comparison.structure.structure import Structure
from samedream.comparison.view import View, in_meaning, mutual

ONE_TO_ONE = "one-to-one"
SPLIT = "split"
MERGE = "merge"
MANY_TO_MANY = "many-to-many"
ONE_WAY = "one-way"
ONLY_HERE = "only here"
UNSTABLE = "unstable"
TOO_RARE = "too rare to tell"
DEAD = "dead"
CLASSES = (ONE_TO_ONE, SPLIT, MERGE, MANY_TO_MANY, ONE_WAY, ONLY_HERE, UNSTABLE, TOO_RARE, DEAD)

_OF_STRUCTURE = {
    "assigned": pa.int32(),
    "assigned_r": pa.float64(),
    "children": pa.list_(pa.int32()),
    "parents": pa.list_(pa.int32()),
    "r2_1": pa.float64(),
    "r2_8": pa.float64(),
}
_OF_SHARING = [
    ("word", pa.string()),
    ("word_r", pa.float64()),
    ("r_without_words", pa.float64()),
    ("topic_r", pa.float64()),
]
SCHEMA = pa.schema(
    [
        ("side", pa.string()),
        ("feature", pa.int32()),
        ("partner", pa.int32()),
        ("r", pa.float64()),
        ("r_first", pa.float64()),
        ("r_second", pa.float64()),
        ("score", pa.float64()),
        ("threshold", pa.float64()),
        ("p_value", pa.float64()),
        ("q_value", pa.float64()),
        ("phi", pa.float64()),
        ("overlap_p", pa.float64()),
        ("weighted_jaccard", pa.float64()),
        ("embedding_similarity", pa.float64()),
        ("decoder_cosine", pa.float64()),
        ("partner_given_feature", pa.float64()),
        ("feature_given_partner", pa.float64()),
        ("mutual", pa.bool_()),
        *_OF_STRUCTURE.items(),
        ("repeat_r", pa.float64()),
        ("repeat_score", pa.float64()),
        ("repeat_passes", pa.bool_()),
        ("floor_r", pa.float64()),
        ("decoy_r", pa.float64()),
        *_OF_SHARING,
        ("passages", pa.int64()),
        ("firing_rate", pa.float64()),
        ("effective_passages", pa.float64()),
        ("effective_articles", pa.float64()),
        ("effective_topics", pa.float64()),
        ("effective_words", pa.float64()),
        ("entity_share", pa.float64()),
        ("class", pa.string()),
    ]
)

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


def matches(
    a: View,
    b: View,
    more: dict[str, dict[str, Any]],
    *,
    structures: tuple[Structure, Structure],
    breadths: tuple[Breadth, Breadth],
) -> pa.Table:
    """All features of a, then all of b. What a feature has no figure for is null.

    Args:
        a: The left side.
        b: The right side.
        more: Side ("a", "b") → column → values of its eligible features, where there are any.
        structures: Assignments and splits of left and of right.
        breadths: What the features of left and of right cover.
    """
    left = _side("a", (a, b), structures[0], more=more["a"], covered=breadths[0])
    right = _side("b", (b, a), structures[1], more=more["b"], covered=breadths[1])
    return pa.concat_tables([left, right])


def classes(here: View, there: View, structure: Structure) -> list[str]:
    """The class of each feature of one side, ``[all features]`` (see docs/comparison.md)."""
    result = np.where(here.activity.fired > 0, TOO_RARE, DEAD).astype(object)
    matched = np.where(mutual(here, there), ONE_TO_ONE, ONE_WAY)
    again = here.repeat_tested.passes if here.repeat_tested else np.zeros(matched.size, dtype=np.bool_)
    alone = np.where(here.tested.passes, matched, np.where(again, ONLY_HERE, UNSTABLE))
    split, part_of = structure.is_split, structure.part_of
    many = (part_of > 1) | (split & (part_of > 0))
    result[here.activity.eligible] = np.select([many, split, part_of > 0], [MANY_TO_MANY, SPLIT, MERGE], default=alone)
    return [str(name) for name in result]


def class_counts(table: pa.Table) -> dict[str, dict[str, int]]:
    """Side → class → how many features; every class is named."""
    counts = Counter(zip(table["side"].to_pylist(), table["class"].to_pylist(), strict=True))
    return {side: {name: counts[side, name] for name in CLASSES} for side in ("a", "b")}


def _side(
    name: str, views: tuple[View, View], structure: Structure, *, more: dict[str, Any], covered: Breadth
) -> pa.Table:
    here, there = views
    activity, found = here.activity, here.found
    n = activity.features

    def spread(values: Any, kind: pa.DataType) -> pa.Array:
        return _spread(activity, values, kind)

    def figure(values: Floats | None) -> pa.Array:
        return _figure(activity, values)

    partner = there.activity.eligible[found.matching.partner]
    raw = (activity.raw, there.activity.raw, (activity.eligible, partner))
    fires = overlap(*raw)
    meaning = in_meaning(here, there)
    columns = {
        "side": pa.array([name] * n, pa.string()),
        "feature": pa.array(np.arange(n), pa.int32()),
        "partner": _spread(activity, partner, pa.int32()),
        "r": figure(found.matching.r),
        "r_first": figure(found.matching.r_first),
        "r_second": figure(found.matching.r_second),
        "score": figure(calibrated(found.matching.r, found.null.threshold)),
        "threshold": figure(found.null.threshold),
        "p_value": figure(here.tested.p),
        "q_value": figure(here.tested.q),
        "phi": figure(fires.phi),
        "overlap_p": figure(np.minimum(1.0, fires.chance * there.activity.eligible.size)),
        "weighted_jaccard": figure(weighted_jaccard(*raw)),
        "embedding_similarity": figure(meaning.partner if meaning else None),
        "decoder_cosine": figure(here.carried.cosine if here.carried else None),
        "partner_given_feature": figure(fires.right_given_left),
        "feature_given_partner": figure(fires.left_given_right),
        "mutual": pa.array(_whole_mask(mutual(here, there), here), pa.bool_()),
        **_structure(activity, there.activity, structure),
        **_elsewhere(here),
        **{name: spread(more[name], kind) if name in more else pa.nulls(n, kind) for name, kind in _OF_SHARING},
        "passages": pa.array(activity.fired, pa.int64()),
        "firing_rate": pa.array(activity.fired / activity.passages, pa.float64()),
        **{key: _measure(covered, key) for key in (PASSAGES, ARTICLES, TOPICS, WORDS, ENTITIES)},
        "class": pa.array(classes(here, there, structure), pa.string()),
    }
    return pa.table(columns, schema=SCHEMA)


def _elsewhere(here: View) -> dict[str, pa.Array]:
    """What each feature finds in its own repeat and in the random twins."""
    repeat = here.repeat.direction if here.repeat else None
    again = here.repeat_tested.passes if here.repeat_tested else None
    return {
        "repeat_r": _figure(here.activity, repeat.r if repeat else None),
        "repeat_score": _figure(here.activity, calibrated(repeat.r, repeat.threshold) if repeat else None),
        "repeat_passes": (
            pa.nulls(here.activity.features, pa.bool_()) if again is None else _spread(here.activity, again, pa.bool_())
        ),
        "floor_r": _figure(here.activity, here.twin.direction.r if here.twin else None),
        "decoy_r": _figure(here.activity, here.decoy),
    }


def _figure(activity: Activity, values: Floats | None) -> pa.Array:
    return pa.nulls(activity.features, pa.float64()) if values is None else _spread(activity, values, pa.float64())


def _structure(here: Activity, there: Activity, found: Structure) -> dict[str, pa.Array]:
    """The columns of assignment and splits; a feature that has no parts, or is none, has an empty list."""
    partner = found.assigned.partner
    lists = {
        "children": _lists(here, there, found.children),
        "parents": _lists(here, there, found.parents),
    }
    numbers = {
        "assigned": np.where(partner == ALONE, np.nan, there.eligible[partner]),
        "assigned_r": found.assigned.r,
        "r2_1": found.explained.one,
        "r2_8": found.explained.many,
    }
    return {**lists, **{name: _spread(here, values, _OF_STRUCTURE[name]) for name, values in numbers.items()}}


def _spread(activity: Activity, values: Any, kind: pa.DataType) -> pa.Array:
    """Eligible features' values over all features; the others are null, and so is NaN."""
    whole = np.zeros(activity.features, dtype=np.asarray(values).dtype)
    whole[activity.eligible] = values
    absent = np.ones(activity.features, dtype=np.bool_)
    absent[activity.eligible] = False
    return pa.array(whole, mask=absent | (whole != whole)).cast(kind)


def _measure(covered: Breadth, key: str) -> pa.Array:
    """A measure of all features, dead and rare ones too; null where it is missing or the feature is dead."""
    if key not in covered.value:
        return pa.nulls(covered.fired.size, pa.float64())
    return pa.array(covered.value[key], pa.float64(), from_pandas=True)  # NaN becomes null


def _lists(here: Activity, there: Activity, pairs: tuple[Index, Index]) -> pa.Array:
    """The second of each pair, listed by the first, over all features; null for dead and rare features."""
    lists: list[list[int] | None] = [None] * here.features
    for feature in here.eligible:
        lists[feature] = []
    for feature, other in zip(here.eligible[pairs[0]], there.eligible[pairs[1]], strict=True):
        lists[feature] = [*(lists[feature] or []), int(other)]
    return pa.array(lists, pa.list_(pa.int32()))


def _whole_mask(values: Mask, here: View) -> Mask:
    whole = np.zeros(here.activity.features, dtype=np.bool_)
    whole[here.activity.eligible] = values
    return whole
