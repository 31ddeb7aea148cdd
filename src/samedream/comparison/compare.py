"""`compare`: two dictionaries' activity on the same passages in, an answer with its intervals out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from scipy.stats import false_discovery_control

from samedream.comparison.arena import Arena, enter
from samedream.comparison.carry import to_twins
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context
from samedream.comparison.crosscoder.crosscoder import crosscoder
from samedream.comparison.dense.dense import dense
from samedream.comparison.estimates import Direction, Sampled, found_again, normalised
from samedream.comparison.granularity.curves import breadths
from samedream.comparison.granularity.granularity import granularity, own_rung
from samedream.comparison.method import barred, hanging, method, notes
from samedream.comparison.nulls import false_passes
from samedream.comparison.shared import Fraction, shared_fraction
from samedream.comparison.sharing.sharing import sharing
from samedream.comparison.structure.structure import in_all, structure
from samedream.comparison.table import class_counts, matches
from samedream.comparison.view import View, in_meaning, view
from samedream.records import Directed, Interval

Means = dict[str, float | None]


@dataclass(frozen=True)
class Comparison:
    """What a comparison found; every figure both ways, None where the inputs cannot support it.

    Attributes:
        matches: One row per feature of left ("a") then right ("b"), columns as `table.SCHEMA`.
        universality: Mean calibrated score of the features of one side in the other.
        floor: The same against a random-init twin; the larger of trained to twin and twin to twin.
        floor_frozen: The same against a dictionary of random directions on the other model's real states: what needs
            no learned direction. Beside the floor, not part of it.
        ceiling: The same against the model's own repeat.
        normalised: ``(universality - floor) / (ceiling - floor)``.
        shared_fraction: Share of the stable features that the other side has.
        shared_over_twins: The same with the random twins alone for what is not shared: never less, often too much.
        mean_r: Mean held-out correlation by direction; also "floor" and "ceiling" ones.
        pass_share: Share of eligible features that pass the test (q at most .05), by direction.
        repeat_pass_share: The same against the model's own repeat.
        permutation_fdr: Share of those passes that shuffled articles give at the same bar, by direction: how much of
            the .05 that Benjamini-Hochberg allows (never more, the nulls are the same); None where nothing passes.
        seed_stability: Side → that share with its interval: how much of a dictionary another seed finds again.
        embedding_similarity: Cosine of exemplars in meaning (`meaning`), by direction, over the features that pass:
            "matched" with the partner, "random" with features that fire as often as the partner, "own" with their own
            exemplars of other articles. None without an embedding of the passages, or where nothing passes.
        dense: Whether the two spaces are alike as a whole (see `dense`); None where that cannot be told.
        decoder_cosine: Whether features point where their partners point, by direction (see `carried`); None
            without states and decoders.
        granularity: Which side cuts finer, over the widths there are (see `granularity`).
        sharing: What it is made of: words, topics, boilerplate, what lies beyond topic (see `sharing`).
        crosscoder: What one dictionary of both models' mean states says is shared (see `crosscoder`).
        structure: Who is assigned to whom, and what is split, in figures (see `in_all`).
        classes: Side → class → how many features.
        passages: How many passages were compared.
        blocks: How many articles they are from.
        features: Width of each side.
        method: The settings, in words and numbers.
        notes: What to keep in mind.
    """

    matches: pa.Table
    universality: Directed
    floor: Directed
    floor_frozen: Directed
    ceiling: Directed
    normalised: Directed
    shared_fraction: Directed
    shared_over_twins: Directed
    mean_r: dict[str, Means]
    pass_share: Means
    repeat_pass_share: Means
    permutation_fdr: Means
    seed_stability: dict[str, Interval | None]
    embedding_similarity: dict[str, Means | None]
    dense: dict[str, Any] | None
    decoder_cosine: dict[str, dict[str, Any] | None]
    granularity: dict[str, Any]
    sharing: dict[str, Any]
    crosscoder: dict[str, Any]
    structure: dict[str, Any]
    classes: dict[str, dict[str, int]]
    passages: int
    blocks: int
    features: tuple[int, int]
    method: dict[str, Any]
    notes: list[str]


def compare(
    left: Any,
    right: Any,
    blocks: Any,
    config: ComparisonConfig = ComparisonConfig(),  # noqa: B008 frozen
    *,
    left_repeat: Any = None,
    right_repeat: Any = None,
    left_floor: Any = None,
    right_floor: Any = None,
    left_frozen: Any = None,
    right_frozen: Any = None,
    context: Context | None = None,
) -> Comparison:
    """Compare two dictionaries by their activity on the same passages.

    Args:
        left: Activity ``[passages, left features]``, scipy CSR, at least 0.
        right: Activity ``[passages, right features]``: the same passages in the same order, any width.
        blocks: The article of each passage ``[passages]``, integers or strings.
        config: The settings.
        left_repeat: Left's model with a dictionary of another seed (other articles): the ceiling of left to right.
        right_repeat: Right's: the ceiling of right to left.
        left_floor: A dictionary of left's random-init twin.
        right_floor: Of right's; the floor of left to right uses it, or both.
        left_frozen: A dictionary of left's model whose decoder stayed random (SAE variant "frozen").
        right_frozen: Of right's.
        context: What is known of the passages and the models beside activity; the figures that rest on it need it.

    Raises:
        ComparisonError: The inputs are not activity on the same passages, or are too few to tell anything.
    """
    given = {
        "left": left,
        "right": right,
        "left_repeat": left_repeat,
        "right_repeat": right_repeat,
        "left_floor": left_floor,
        "right_floor": right_floor,
        "left_frozen": left_frozen,
        "right_frozen": right_frozen,
    }
    arena = enter(given, blocks, config, context or Context())
    return _result(arena, view(arena, "left", "right"), view(arena, "right", "left"))


def _result(arena: Arena, a: View, b: View) -> Comparison:
    def both(figure: Callable[[View], Interval | None]) -> Directed:
        return Directed(a_to_b=figure(a), b_to_a=figure(b))

    def means(figure: Callable[[View], float | None]) -> Means:
        return {"a_to_b": figure(a), "b_to_a": figure(b)}

    made_of = sharing(arena, a, b)
    structures = structure(arena, a, b)
    broad = breadths(own_rung(arena), arena.blocks, arena.context.topics)
    table = matches(a, b, made_of.columns, structures=structures, breadths=(broad["left"], broad["right"]))
    fractions = {way: _shared(side, side.unshared) for way, side in (("a_to_b", a), ("b_to_a", b))}
    shared = Directed(**{way: fraction.interval() if fraction else None for way, fraction in fractions.items()})
    return Comparison(
        matches=table,
        universality=both(lambda side: _universality(side).interval(extra_variance=side.seed_variance)),
        floor=both(lambda side: side.floor.universality().interval() if side.floor else None),
        floor_frozen=both(lambda side: side.frozen.direction.universality().interval() if side.frozen else None),
        ceiling=both(lambda side: side.ceiling.universality().interval() if side.ceiling else None),
        normalised=both(_normalised),
        shared_fraction=shared,
        shared_over_twins=both(_shared_over_twins),
        mean_r={
            "found": means(lambda side: float(side.found.direction.r.mean())),
            "floor": means(lambda side: float(side.floor.r.mean()) if side.floor else None),
            "ceiling": means(lambda side: float(side.ceiling.r.mean()) if side.ceiling else None),
        },
        pass_share=means(lambda side: float(side.tested.passes.mean())),
        repeat_pass_share=means(lambda side: float(side.repeat_tested.passes.mean()) if side.repeat_tested else None),
        permutation_fdr=means(_permutation_fdr),
        seed_stability={"a": _seed_stability(a), "b": _seed_stability(b)},
        embedding_similarity={"a_to_b": _meaning(a, b), "b_to_a": _meaning(b, a)},
        dense=dense(arena) if arena.config.dense else None,
        decoder_cosine={"a_to_b": _pointing(arena, a), "b_to_a": _pointing(arena, b)},
        granularity=granularity(arena, a, b, broad),
        sharing=made_of.figures,
        crosscoder=crosscoder(arena.context.states, arena.blocks.code, shared, seed=arena.config.seed),
        structure=in_all((a, b), structures),
        classes=class_counts(table),
        passages=a.activity.passages,
        blocks=arena.blocks.count,
        features=(a.activity.features, b.activity.features),
        method=method(arena),
        notes=[*barred(shared, _least_q(a, b)), *hanging(fractions), *notes(arena)],
    )


def _least_q(a: View, b: View) -> dict[str, tuple[float, float]]:
    sides = {"a_to_b": a.tested, "b_to_a": b.tested} if a.decoy is not None else {}  # both have decoys, or neither
    return {way: (float(false_discovery_control(of.p).min()), float(of.q.min())) for way, of in sides.items()}


def _universality(side: View) -> Sampled:
    return side.found.direction.universality()


def _shared(side: View, unshared: Direction | None) -> Fraction | None:
    return shared_fraction(side.found.direction, unshared, side.ceiling)


def _shared_over_twins(side: View) -> Interval | None:
    fraction = _shared(side, side.over_twins)
    return fraction.interval() if fraction else None


def _normalised(side: View) -> Interval | None:
    return normalised(
        _universality(side),
        side.floor.universality() if side.floor else None,
        side.ceiling.universality() if side.ceiling else None,
        seed_variance=side.seed_variance,
    )


def _pointing(arena: Arena, side: View) -> dict[str, Any] | None:
    if side.carried is None:
        return None
    return {**side.carried.figures, "floors": to_twins(arena, side.source, side.target)}


def _permutation_fdr(side: View) -> float | None:
    """``E[null passes] / passes`` (protocol 3.4)."""
    passes = side.tested.passes
    if not passes.any():
        return None
    return false_passes(side.found.null, side.found.direction.r, passes) / float(passes.sum())


def _meaning(here: View, there: View) -> Means | None:
    found, passes = in_meaning(here, there), here.tested.passes
    if found is None or not passes.any():
        return None
    figures = {"matched": found.partner, "random": found.random, "own": found.own}
    return {name: float(cosine[passes].mean()) for name, cosine in figures.items()}


def _seed_stability(side: View) -> Interval | None:
    if side.repeat is None or side.repeat_tested is None:
        return None
    return found_again(side.repeat.direction, side.repeat_tested.passes, side.repeat.null.stratum)
