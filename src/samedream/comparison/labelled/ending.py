"""The last sections of the written comparison: divergences and the summary."""

from collections.abc import Callable
from typing import Any

from samedream.comparison.labelled.claims import (
    SECTIONS,
    Claim,
    Section,
    counted,
    figure,
    ids,
    listed,
    number,
    numbers,
    percent,
    quoted,
    shares,
)
from samedream.comparison.labelled.counting import stand_out
from samedream.comparison.labelled.features import Feature
from samedream.comparison.labelled.judge.rivals import BY_MEANING
from samedream.comparison.labelled.material import Material
from samedream.comparison.labelled.overlap import categories
from samedream.comparison.labelled.style import KINDS
from samedream.comparison.table import DEAD, ONLY_HERE, TOO_RARE

_OF_FORM = tuple(kind for kind in KINDS if kind != "topic")  # that says the same as the category
READERS = ("as badged", "rule")  # how labels are read, the first that was measured
JUDGES = {"llm": "a language model", "embedding": "a sentence embedder"}
WAYS = {"a": "a_to_b", "b": "b_to_a"}


def divergences(material: Material) -> Section:
    """What only one of them has, and whether it gathers in a category or a kind."""
    claims, gaps = [], []
    for side in ("a", "b"):
        here = material.names[side == "b"]
        judged = [one for one in material.features[side] if one.kind_of_match not in (TOO_RARE, DEAD)]
        alone = [one for one in judged if one.kind_of_match == ONLY_HERE]
        if not any(one.repeat_r is not None for one in judged):
            gaps.append(
                f"what {here} alone has: {here} was not trained again, so a feature without a partner may be luck"
            )
            continue
        if not alone:
            gaps.append(f"no feature that {here} finds again when trained again is without a partner")
            continue
        claims.append(_alone(material, side, judged, alone=alone))
        gathered = _gathered(material, judged, "category", lambda one: one.category)
        gathered += _gathered(material, judged, "kind", lambda one: one.kind if one.kind in _OF_FORM else None)
        claims += gathered
        if not gathered:
            gaps.append(f"what {here} alone has is spread over the categories and kinds as everything it has")
    return Section("divergences", SECTIONS["divergences"], claims, gaps)


def _alone(material: Material, side: str, judged: list[Feature], *, alone: list[Feature]) -> Claim:
    here, there = material.names if side == "a" else material.names[::-1]
    shown = material.examples(_clearest(alone)[: max(3, len(alone) // 4)], 3)
    said = [f"{quoted(one)} (r = {number(one.r or 0)} there, {number(one.repeat_r or 0)} in itself)" for one in shown]
    text = (
        f"{counted(len(alone), 'feature')} of {here} ({percent(len(alone) / len(judged))}) "
        f"{'is' if len(alone) == 1 else 'are'} found again when {here} is trained again, and no feature of {there} "
        f"passes as a match; the clearest: {listed(said)}."
    )
    figures: dict[str, Any] = {f"classes.{side}.only here": len(alone), "features judged": len(judged)}
    for one in shown:
        figures |= {f"r.{one.id}": one.r, f"repeat_r.{one.id}": one.repeat_r}
    return Claim(text, figures, ids(*shown))


def _clearest(alone: list[Feature]) -> list[Feature]:
    """Found best in the model's own repeat beyond what the other has: the clearest first."""
    return sorted(alone, key=lambda one: ((one.r or 0.0) - (one.repeat_r or 0.0), one.number))


def _gathered(
    material: Material, judged: list[Feature], what: str, group: Callable[[Feature], str | None]
) -> list[Claim]:
    """Groups of which more or fewer features are without a partner than of the others, beyond chance."""
    count: dict[str, tuple[int, int]] = {}
    for one in judged:
        if (name := group(one)) is not None:
            hits, of = count.get(name, (0, 0))
            count[name] = hits + (one.kind_of_match == ONLY_HERE), of + 1
    whole = sum(one.kind_of_match == ONLY_HERE for one in judged), len(judged)
    found = stand_out(count, whole)
    claims = []
    for more in (True, False):
        groups = [(name, share, apart) for name, share, apart in found if (apart.value > 0) == more]
        if not groups:
            continue
        shown: list[Feature] = []
        for name, _, _ in groups:
            own = [one for one in judged if group(one) == name]
            fit = _clearest([one for one in own if one.kind_of_match == ONLY_HERE]) if more else _best(own)
            shown += material.examples(fit, 1)
        parts = []
        for (name, share, _), one in zip(groups, shown, strict=True):
            which = f"of those that {KINDS[name]}" if what == "kind" else f"on {name}"
            parts.append(f"{shares(share)} {which} (such as {quoted(one)})")
        text = (
            f"Without a partner are {percent(whole[0] / whole[1])} of {material.name(judged[0])}’s features, but "
            f"{'' if more else 'only '}{listed(parts)}."
        )
        figures: dict[str, Any] = {f"only here.{judged[0].side}": whole[0] / whole[1]}
        figures |= {f"only here.{judged[0].side}.{name}": figure(share) for name, share, _ in groups}
        figures |= {f"difference.{judged[0].side}.{name}": figure(apart) for name, _, apart in groups}
        claims.append(Claim(text, figures, ids(*shown)))
    return claims


def _best(own: list[Feature]) -> list[Feature]:
    return sorted((one for one in own if one.matched), key=lambda one: (-(one.r or 0.0), one.number)) or own


def summary(material: Material) -> Section:
    """The answer, what the labels add to it, and one sentence that closes it."""
    claims, gaps = [], []
    shared = material.summary["shared_fraction"]
    lead = [feature for pair in material.telling_pairs(material.pairs)[:3] for feature in pair]
    for side, way in WAYS.items():
        here, there = material.names if side == "a" else material.names[::-1]
        if shared[way] is None:
            gaps.append(f"what share of {here}’s stable features is in {there} cannot be told")
            continue
        text = f"{shares(shared[way])} of {here}’s stable features are also in {there}"
        figures = {f"shared_fraction.{way}": figure(shared[way])}
        if (scaled := material.summary["normalised"][way]) is not None:
            text += f"; on a scale from a random twin (0) to itself trained again (1) the match is {numbers(scaled)}"
            figures[f"normalised.{way}"] = figure(scaled)
        claims.append(Claim(f"{text}.", figures, ids(*lead)))
    further = [*_transfer(material, lead), _judged(material, lead), _meaning(material, lead), _closing(material, lead)]
    claims += [claim for claim in further if claim]
    if not lead:
        gaps.append("no pair of features can stand as an example")
        claims = [claim for claim in claims if claim.features]
    return Section("summary", SECTIONS["summary"], claims, gaps)


def _transfer(material: Material, lead: list[Feature]) -> list[Claim]:
    """Whether labels carry over: of each direction the share of the own label's lift that the match's label keeps."""
    claims = []
    for way in WAYS.values():
        found = (material.labelled.get("transfer") or {}).get(way) or {}
        reader = next((name for name in READERS if found.get(name)), None)
        if reader is None or not found[reader]["kept"]:
            continue
        here, there = material.names if way == "a_to_b" else material.names[::-1]
        one = found[reader]
        own, theirs, others = (numbers(one[key]) for key in ("own", "transferred", "shuffled"))
        text = (
            f"On passages that no label was made from, labels of {here} tell where the matched features of {there} "
            f"fire with an AUC of {theirs}, {there}’s own labels with {own}, labels of other matches with {others}: "
            f"they keep {shares(one['kept'])} of what the own label adds."
        )
        where = f"transfer.{way}.{reader}"
        figures = {f"{where}.{key}": figure(one[key]) for key in ("own", "transferred", "shuffled", "kept")}
        claims.append(Claim(text, figures, ids(*lead)))
    return claims


def _judged(material: Material, lead: list[Feature]) -> Claim | None:
    """What a blind judge of passages says: a language model where one was asked, else the embedder."""
    found = material.labelled.get("judge") or {}
    for judge, who in JUDGES.items():
        ways = ((found.get(judge) or {}).get("negatives") or {}).get(BY_MEANING) or {}
        both = [one for way in WAYS.values() if (one := (ways.get(way) or {}).get("matched"))]
        if len(both) == len(WAYS):
            chance = found["chance"]
            figures = {f"judge.{judge}.{way}.matched": figure(ways[way]["matched"]) for way in WAYS.values()}
            text = (
                f"Shown passages alone, {who} picks a feature’s match among four that are near in meaning in "
                f"{listed([shares(one) for one in both])} of cases ({percent(chance)} by chance)."
            )
            return Claim(text, figures | {"judge.chance": chance}, ids(*lead))
    return None


def _meaning(material: Material, lead: list[Feature]) -> Claim | None:
    found = material.summary.get("embedding_similarity")
    if not found or not all(found.get(way) for way in WAYS.values()):
        return None
    both = [found[way] for way in WAYS.values()]
    text = (
        "To a third model the strongest passages of matched features are alike in meaning: cosine "
        f"{' and '.join(number(one['matched']) for one in both)} (of any two features "
        f"{' and '.join(number(one['random']) for one in both)}, of a feature’s own two halves "
        f"{' and '.join(number(one['own']) for one in both)})."
    )
    if any(one["matched"] is None for one in both):
        return None
    figures = {f"embedding_similarity.{way}.{key}": found[way][key] for way in WAYS.values() for key in found[way]}
    return Claim(text, figures, ids(*lead))


def _closing(material: Material, lead: list[Feature]) -> Claim | None:
    """Similar directions, and at which level: only where both were measured."""
    a, b = material.names
    found = [material.summary["normalised"][way] for way in WAYS.values()]
    fine = material.summary["granularity"]["verdict"]
    if None in found or fine is None or not lead:
        return None
    if min(one["low"] for one in found) <= 0:
        direction = "Whether they group concepts in similar directions cannot be told"
    else:
        direction = "Both group concepts in similar directions, more than random twins and less than one model twice"
        if max(one["high"] for one in found) >= 1:
            direction = "Both group concepts in similar directions, as one model trained twice may"
    level = {
        "narrower": f"{a} at the finer level",
        "broader": f"{b} at the finer level",
    }.get(fine, "and no difference in the level of abstraction was found")
    count = categories(material)
    figures: dict[str, Any] = {
        f"normalised.{way}": figure(material.summary["normalised"][way]) for way in WAYS.values()
    }
    figures |= {"granularity.verdict": fine, "categories": len(count["a"].keys() & count["b"].keys())}
    return Claim(f"{direction}, {level}.", figures, ids(*lead))
