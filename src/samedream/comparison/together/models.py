"""Three models and more: where the features of each are found again, and how alike the models are, pair by pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from samedream.comparison.view import FALSE_DISCOVERY_RATE
from samedream.errors import ComparisonError
from samedream.records import Interval

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Figure = Mapping[tuple[str, str], Interval | None]


@dataclass(frozen=True)
class Way:
    """How the features of one model are found in another; each array ``[features]``.

    Attributes:
        partner: Feature of the other model, int64; -1 where there is none.
        r: Held-out correlation with it, float64; NaN where there is none.
        passes: Whether the match passes the test (q at most .05).
        linked: Whether it passes and is mutual.
        eligible: Whether the feature fires often enough to be compared.
        again: Whether it passes the same test in its own repeat; None without a repeat.
    """

    partner: Index
    r: Floats
    passes: Mask
    linked: Mask
    eligible: Mask
    again: Mask | None


Ways = Mapping[tuple[str, str], Way]


@dataclass(frozen=True)
class Spread:
    """Where one model's features are found; each array ``[features]``.

    Attributes:
        found_in: In how many of the other models the feature passes the test, int64.
        eligible: Whether it can be compared.
        stable: Whether it is eligible and passes in its own repeat, in every comparison of its model (the test also
            asks for more than the other model's twin gives, so it differs between them); None without a repeat.
    """

    found_in: Index
    eligible: Mask
    stable: Mask | None


def ways(matches: pa.Table) -> tuple[Way, Way]:
    """Both directions of a comparison, from its table of matches (`table.SCHEMA`)."""
    one, other = (_way(matches.filter(pc.equal(matches["side"], side))) for side in ("a", "b"))
    return one, other


def _way(rows: pa.Table) -> Way:
    passes = rows["q_value"].fill_null(1.0).to_numpy() <= FALSE_DISCOVERY_RATE
    again = rows["repeat_passes"]
    return Way(
        partner=rows["partner"].fill_null(-1).to_numpy().astype(np.int64),
        r=rows["r"].fill_null(np.nan).to_numpy(),
        passes=passes,
        linked=passes & np.asarray(rows["mutual"]),
        eligible=np.asarray(rows["r"].is_valid()),
        again=None if again.null_count == len(again) else np.asarray(again.fill_null(False)),
    )


def spreads(models: Sequence[str], found: Ways) -> dict[str, Spread]:
    """In how many of the other models each feature of each model is found.

    Args:
        models: The models, three or more.
        found: (model, other) → how the model's features are found in the other, for every two of them.

    Raises:
        ComparisonError: The comparisons do not agree on how many features a model has.
    """
    return {
        model: _spread(model, {other: found[model, other] for other in models if other != model}) for model in models
    }


def _spread(model: str, found: Mapping[str, Way]) -> Spread:
    first, *_ = found
    for other, way in found.items():
        if way.partner.size != found[first].partner.size:
            raise ComparisonError(
                f"{model} has {found[first].partner.size} features where it is compared with {first} and "
                f"{way.partner.size} where it is compared with {other}: the comparisons are not of one study"
            )
    eligible = np.logical_and.reduce([way.eligible for way in found.values()])
    repeats = [way.again for way in found.values() if way.again is not None]
    return Spread(
        found_in=np.sum([way.passes for way in found.values()], axis=0, dtype=np.int64),
        eligible=eligible,
        stable=eligible & np.logical_and.reduce(repeats) if len(repeats) == len(found) else None,
    )


def spread_figures(spread: Spread, shared: Sequence[Interval | None]) -> dict[str, Any]:
    """What `summary.json` says of one model's features.

    Args:
        spread: The model's.
        shared: Its shared fraction with each of the other models.
    """
    n = len(shared) + 1
    stable = spread.stable
    return {
        "features": int(spread.found_in.size),
        "eligible": _tally(spread.found_in[spread.eligible], n),
        "stable": None if stable is None else _tally(spread.found_in[stable], n),
        "bounds": bounds([each for each in shared if each is not None]) if None not in shared else None,
    }


def _tally(found_in: Index, n: int) -> dict[str, Any]:
    by_count = np.bincount(found_in, minlength=n)
    total = int(by_count.sum())
    counts = {"all": int(by_count[-1]), "some": int(by_count[1:-1].sum()), "only_here": int(by_count[0])}
    return {
        "count": total,
        **counts,
        "by_number_of_others": by_count.tolist(),
        "share": {key: count / total if total else None for key, count in counts.items()},
    }


def bounds(shared: Sequence[Interval]) -> dict[str, tuple[float, float]]:
    """What the pairs' shared fractions, which correct for what the test misses, leave possible for all together.

    A share common to all lies in ``[max(0, sum p - (m - 1)), min p]`` whatever depends on what (Frechet 1935), and the
    share that is in none of the others in ``[max(0, 1 - sum p), 1 - max p]``; p are m shares. Each end takes the end of
    the shares' intervals that makes it wider.

    Args:
        shared: Share of one model's stable features that each other model has.
    """
    low, high = ([getattr(share, end) for share in shared] for end in ("low", "high"))
    return {
        "all": (max(0.0, sum(low) - (len(low) - 1)), min(high)),
        "only_here": (max(0.0, 1 - sum(high)), 1 - max(low)),
    }


def distances(models: Sequence[str], normalised: Figure) -> Figure:
    """``1 - (NU(a in b) + NU(b in a)) / 2`` of every two models, between 0 and 1; None where a direction is None.

    The ends are the means of the directions' ends: exact if both err together, else too wide. Both are measured on the
    same articles.
    """
    found: dict[tuple[str, str], Interval | None] = {}
    for one, other in permutations(models, 2):
        forth, back = normalised[one, other], normalised[other, one]
        if forth is None or back is None:
            found[one, other] = None
            continue
        value, high, low = (1 - (getattr(forth, end) + getattr(back, end)) / 2 for end in ("value", "low", "high"))
        value, low, high = (float(np.clip(end, 0, 1)) for end in (value, low, high))
        found[one, other] = Interval(value=value, low=low, high=high, confidence=forth.confidence)
    return found
