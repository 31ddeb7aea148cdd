"""`judge`: are a feature and its match about the same thing, as someone says who sees their passages and no figure?

The calibration: a feature against its *own model's repeat*, where the truth is "the same" as far as another seed finds
it again. What the judge says there is what a perfect match could get, by strength of the match. The control: the same
features against the other model's random twin, which has learned nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samedream.comparison.labelled.judge.cases import Case, Ground, Passages, draw_case, strongest_of_halves
from samedream.comparison.labelled.judge.figures import CHANCE, JUDGES, summed
from samedream.comparison.labelled.judge.judges import Verdicts, by_asking, by_embedding
from samedream.comparison.labelled.judge.picture import draw
from samedream.comparison.labelled.judge.readers import Reader, Shown
from samedream.comparison.labelled.judge.rivals import BY_CORRELATION, BY_MEANING, alike, nearest
from samedream.comparison.view import FALSE_DISCOVERY_RATE
from samedream.labels.language.question import Ask
from samedream.progress import step

ASKED = 24  # cases that pass, of each lot, that a language model is asked about at most; half as many other matches
SIDES = {"a": ("left", "right"), "b": ("right", "left")}
SCHEMA = pa.schema(
    {
        "side": pa.string(),
        "kind": pa.string(),
        "negatives": pa.string(),
        "feature": pa.int32(),
        "options": pa.list_(pa.int32()),
        "own": pa.list_(pa.int32()),
        "shown": pa.list_(pa.list_(pa.int32())),
        "r": pa.float64(),
        "passes": pa.bool_(),
        "is_partner": pa.bool_(),
        "embedding": pa.float64(),
        "llm": pa.float64(),
    }
)


@dataclass(frozen=True)
class Judgement:
    """What the judges said.

    Attributes:
        table: A row for each case, columns as `SCHEMA`: "options" are features of the other side (of repeat or twin),
            the match first; "own" and "shown" are rows of the corpus; "is_partner" is whether the match is the
            comparison's partner (null for repeat and twin); "embedding" and "llm" are the share of the judge's answers
            that chose the match, null where it was not asked or did not answer.
        summary: In plain JSON values (docs/comparison.md).
        picture: The calibration, an SVG; None where nothing was judged.
    """

    table: pa.Table
    summary: dict[str, Any]
    picture: str | None


@dataclass(frozen=True)
class _Lot:
    """The cases of one direction, kind and kind of negatives, with the other columns of the table."""

    name: dict[str, str]
    readers: tuple[Reader, Reader]
    cases: list[Case]
    more: dict[str, Any]
    left_out: int


def judge(
    readers: Mapping[str, Reader],
    matches: pa.Table,
    ground: Ground,
    *,
    texts: Sequence[str],
    embedding: NDArray[np.float32] | None,
    ask: Ask | None,
    seed: int,
    most: int | None = None,
) -> Judgement:
    """Judge the matches of a comparison, those of each model with its own repeat, and with the other's random twin.

    Args:
        readers: "left" and "right", and "left_repeat", "right_repeat", "left_floor", "right_floor" where there are any.
        matches: The comparison's `matches.parquet`.
        ground: Where passages may be shown from.
        texts: Every passage of the corpus.
        embedding: Each passage as a neutral embedder sees it; None: there is neither a judge by embedding nor a
            negative by meaning.
        ask: A language model; None: there is no such judge.
        seed: Of the draws.
        most: Features that pass, of each lot, that a language model is asked about at most; None: 24.
    """
    lots = _lots(readers, matches, ground, embedding=embedding, seed=seed)
    columns = [_columns(lot) for lot in lots]
    said: dict[str, Verdicts] = {}
    if embedding is not None:
        said["embedding"] = _entered(columns, "embedding", [by_embedding(lot.cases, embedding) for lot in lots])
    if ask is not None:
        chosen = [_chosen(lot, min(ASKED, most or ASKED), seed) for lot in lots]
        found = [
            by_asking(ask, [lot.cases[i] for i in some], Shown(lot.readers, texts))
            for lot, some in zip(lots, chosen, strict=True)
        ]
        said["llm"] = _entered(columns, "llm", found, chosen)
    table = pa.concat_tables([pa.table(one, schema=SCHEMA) for one in columns])
    summary: dict[str, Any] = {
        "chance": CHANCE,
        "lots": [{**lot.name, "cases": len(lot.cases), "left_out": lot.left_out} for lot in lots],
        **{name: summed(table, name, said[name]) if name in said else None for name in JUDGES},
    }
    return Judgement(table, summary, draw(summary) if said and len(table) else None)


def _lots(
    readers: Mapping[str, Reader],
    matches: pa.Table,
    ground: Ground,
    *,
    embedding: NDArray[np.float32] | None,
    seed: int,
) -> list[_Lot]:
    wanted = [(side, "match", pair) for side, pair in SIDES.items()]
    wanted += [(side, "repeat", (one, f"{one}_repeat")) for side, (one, _) in SIDES.items()]
    wanted += [(side, "twin", (one, f"{other}_floor")) for side, (one, other) in SIDES.items()]
    some = {name for name, reader in readers.items() if reader.activity.eligible.size}  # a twin may fire nowhere
    wanted = [(side, kind, pair) for side, kind, pair in wanted if pair[1] in some]
    excite = {name: strongest_of_halves(reader.activity.raw, ground) for name, reader in readers.items()}
    lots: list[_Lot] = []
    with step("judge: choosing passages", len(wanted), "directions") as shown:
        for side, kind, names in wanted:
            one, other = (readers[name] for name in names)
            own_side = matches.filter(pa.array([value == side for value in matches["side"].to_pylist()]))
            rows = own_side.take(one.activity.eligible)
            found = nearest(one.activity, other.activity, ground.choosing)
            facts = _facts(rows, kind, other.activity.eligible[found[:, 0]])
            for negatives, options in _options(other, found, ground, embedding=embedding, seed=seed):
                name = {"side": side, "kind": kind, "negatives": negatives}
                passages = (excite[names[0]], excite[names[1]])
                lots.append(_lot(name, (one, other), options, passages=passages, facts=facts, seed=seed))
            shown.advance(1)
    return lots


def _options(
    other: Reader, found: NDArray[np.int64], ground: Ground, *, embedding: NDArray[np.float32] | None, seed: int
) -> Iterator[tuple[str, list[NDArray[np.int64]]]]:
    """Kind of negatives → of each asking feature, the match and whoever may stand beside it, best first."""
    eligible = other.activity.eligible
    yield BY_CORRELATION, [eligible[one] for one in found]
    if embedding is not None:
        others = alike(other.activity, found, ground.choosing, embedding=embedding, seed=seed)
        yield BY_MEANING, [eligible[[one[0], *some]] for one, some in zip(found, others, strict=True)]


def _facts(rows: pa.Table, kind: str, match: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """What the comparison says of each asking feature; beside a twin stands whether it passes with the other model."""
    r, passes = {"match": ("r", "q_value"), "repeat": ("repeat_r", "repeat_passes"), "twin": ("floor_r", "q_value")}[
        kind
    ]
    known = np.array([np.nan if value is None else value for value in rows[passes].to_pylist()], np.float64)
    is_partner: Any = match == np.array([-1 if p is None else p for p in rows["partner"].to_pylist()])
    return {
        "r": np.array([np.nan if value is None else value for value in rows[r].to_pylist()], np.float64),
        "passes": known == 1 if kind == "repeat" else known <= FALSE_DISCOVERY_RATE,
        "is_partner": is_partner if kind == "match" else np.full(len(match), None),
    }


def _lot(
    name: dict[str, str],
    readers: tuple[Reader, Reader],
    options: Sequence[NDArray[np.int64]],
    *,
    passages: tuple[tuple[Passages, Passages], tuple[Passages, Passages]],
    facts: Mapping[str, NDArray[Any]],
    seed: int,
) -> _Lot:
    own, other = passages
    drawn = [
        draw_case(int(feature), list(map(int, some)), own=own, other=other, seed=seed)
        for feature, some in zip(readers[0].activity.eligible, options, strict=True)
    ]
    kept = np.array([case is not None for case in drawn], np.bool_)
    more = {key: values[kept] for key, values in facts.items()}
    return _Lot(name, readers, [case for case in drawn if case is not None], more, int((~kept).sum()))


def _columns(lot: _Lot) -> dict[str, Any]:
    count = len(lot.cases)
    return {
        **{key: [value] * count for key, value in lot.name.items()},
        "feature": [case.feature for case in lot.cases],
        "options": [list(case.options) for case in lot.cases],
        "own": [list(case.own) for case in lot.cases],
        "shown": [[list(passages) for passages in case.shown] for case in lot.cases],
        **lot.more,
        **{name: [None] * count for name in JUDGES},
    }


def _chosen(lot: _Lot, most: int, seed: int) -> list[int]:
    """The cases a language model is asked about: a random sample of those that pass, and of matches that do not."""
    rng = np.random.default_rng([seed, len(lot.cases)])
    passing, others = (rng.permutation(np.flatnonzero(lot.more["passes"] == kind)) for kind in (True, False))
    return sorted([*passing[:most].tolist(), *(others[: most // 2].tolist() if lot.name["kind"] == "match" else [])])


def _entered(
    columns: Sequence[dict[str, Any]],
    judge: str,
    found: Sequence[Verdicts],
    chosen: Sequence[Sequence[int]] | None = None,
) -> Verdicts:
    """Enter what a judge said of each lot, or of the chosen cases of it, into its column; all of it as one."""
    for number, (one, verdicts) in enumerate(zip(columns, found, strict=True)):
        places = chosen[number] if chosen is not None else range(len(verdicts.right))
        for place, value in zip(places, verdicts.right, strict=True):
            one[judge][place] = None if np.isnan(value) else float(value)
    names = dict.fromkeys(name for verdicts in found for name in verdicts.status)
    return Verdicts(
        right=np.concatenate([verdicts.right for verdicts in found]),
        places=np.sum([verdicts.places for verdicts in found], axis=0),
        status={name: sum(verdicts.status[name] for verdicts in found) for name in names},
    )
