"""Which side cuts the world finer: measures of breadth as curves over dictionary widths at equal L0 (protocol 3.5).

How broad features are follows the width and L0 of a dictionary as much as the model behind it. So a side is called
narrower only if the curves separate: at every width that both models have, its features spread over fewer articles, by
more than the interval and more than another seed of a dictionary changes.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from samedream.comparison.arena import Arena
from samedream.comparison.context import Rung
from samedream.comparison.estimates import CONFIDENCE
from samedream.comparison.granularity.breadth import ARTICLES, MEASURES, TOPICS, WORDS, Breadth
from samedream.comparison.granularity.curves import SIDES, Step, breadths, split_into, step
from samedream.comparison.similarity import overlap
from samedream.comparison.view import View, mutual
from samedream.records import Interval

MIN_PAIRS = 30
MIN_WIDTHS = 2
NOTE = (
    "A feature fires where it is above 20 % of its maximum. Means are over the features that fire in at least 10 "
    "passages; differences are a - b (a is the first model) in doublings, of the entity share in points; the margin is "
    "what the interval of a difference keeps beyond the difference that another seed of a dictionary makes, the "
    "smallest over the widths."
)

Floats = NDArray[np.float64]


def own_rung(arena: Arena) -> Rung:
    """The study's own dictionaries as a rung."""
    names = [name for side in SIDES.values() for name in (side, f"{side}_repeat") if name in arena.sides]
    context = arena.context
    return Rung(sides={name: arena.sides[name].raw for name in names}, peaks=context.peaks, fit=context.fit)


def granularity(arena: Arena, a: View, b: View, own: Mapping[str, Breadth]) -> dict[str, Any]:
    """What the features of each side cover, at each width, and whether one side's are narrower.

    Args:
        arena: The comparison; its context holds the other widths.
        a: Left's view.
        b: Right's.
        own: Side → measures of the study's own dictionaries.

    Returns:
        ``verdict``: "narrower", "broader" (a against b) or "no clear difference"; None where fewer than two widths can
        be judged, and ``why``. ``measure``: the one that the verdict rests on, ``margin``: how sure (see `NOTE`).
        ``by_measure``: the same of each measure, "a lower", "a higher" or "no clear difference". ``a``, ``b``,
        ``difference``: the study's own dictionaries. ``containment``: interval over mutual pairs that pass of
        ``P(b fires | a fires) - P(a fires | b fires)``, above 0 where a's features lie inside b's, None with fewer than
        30 ``pairs``. ``curves``: each width. ``splits``: how each model's narrowest dictionary comes apart in its
        widest. ``note``: how to read it.
    """
    rung, topics = own_rung(arena), arena.context.topics
    walked = [(rung, step(rung, own))]
    walked += [(other, step(other, breadths(other, arena.blocks, topics))) for other in arena.context.widths]
    walked.sort(key=lambda pair: pair[1].width)
    steps = [found for _, found in walked]
    mine = next(found for other, found in walked if other is rung)
    containment, pairs = _containment(a, b)
    return {
        **verdict(steps),
        "by_measure": {measure: _judged(steps, measure) for measure in MEASURES if measure in mine.difference},
        **{key: value for key, value in mine.record().items() if key in ("a", "b", "difference")},
        "containment": msgspec.to_builtins(containment),
        "pairs": pairs,
        "curves": [found.record() for found in steps],
        "splits": {
            side: split_into(walked[0][0], walked[-1][0], name) if len(walked) > 1 else None
            for side, name in SIDES.items()
        },
        "note": NOTE,
    }


def verdict(steps: list[Step]) -> dict[str, Any]:
    """The verdict, why there is none, the measure it rests on and the margin (see `granularity`)."""
    judged = {measure: _judged(steps, measure) for measure in (ARTICLES, TOPICS, WORDS)}
    finding, margin = judged[ARTICLES]["finding"], judged[ARTICLES]["margin"]
    against = {"a lower": "a higher", "a higher": "a lower"}.get(str(finding))
    contrary = [measure for measure, found in judged.items() if against and found["finding"] == against]
    why = None
    said = {"a lower": "narrower", "a higher": "broader"}.get(str(finding), finding)
    if finding is None:
        why = (
            f"{judged[ARTICLES]['widths']} width can be judged"
            if judged[ARTICLES]["widths"] == 1
            else f"{judged[ARTICLES]['widths']} widths can be judged"
        ) + f", at least {MIN_WIDTHS} are needed, each the same for both models and with their repeats"
    elif contrary:
        said = "no clear difference"
        why = f"{ARTICLES.replace('_', ' ')} differ one way, {contrary[0].replace('_', ' ')} the other"
    return {"verdict": said, "why": why, "measure": ARTICLES, "margin": margin}


def _judged(steps: list[Step], measure: str) -> dict[str, Any]:
    """Whether the two curves of a measure separate."""
    found = [beyond for one in steps if (beyond := one.margin(measure)) is not None]
    if len(found) < MIN_WIDTHS:
        return {"finding": None, "margin": None, "widths": len(found)}
    signs, margin = {sign for sign, _ in found}, min(kept for _, kept in found)
    clear = len(signs) == 1 and margin > 0
    finding = ("a higher" if signs == {1} else "a lower") if clear else "no clear difference"
    return {"finding": finding, "margin": margin, "widths": len(found)}


def _containment(a: View, b: View) -> tuple[Interval | None, int]:
    chosen = np.flatnonzero(a.tested.passes & mutual(a, b))
    if chosen.size < MIN_PAIRS:
        return None, int(chosen.size)
    pairs = a.activity.eligible[chosen], b.activity.eligible[a.found.matching.partner[chosen]]
    found = overlap(a.activity.raw, b.activity.raw, pairs)
    values: Floats = found.right_given_left - found.left_given_right
    mean, reach = float(values.mean()), 1.96 * float(values.std(ddof=1)) / float(np.sqrt(values.size))
    return Interval(value=mean, low=mean - reach, high=mean + reach, confidence=CONFIDENCE), int(chosen.size)
