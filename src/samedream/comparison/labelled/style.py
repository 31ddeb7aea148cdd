"""Sections of the written comparison that say how the models cut the text: granularity and stylistic emphasis."""

from collections import Counter
from typing import Any

from samedream.comparison.granularity.breadth import ARTICLES, ENTITIES
from samedream.comparison.labelled.claims import (
    SECTIONS,
    Claim,
    Section,
    amounts,
    counted,
    figure,
    ids,
    listed,
    percent,
    quoted,
    shares,
)
from samedream.comparison.labelled.counting import difference, wilson
from samedream.comparison.labelled.features import Feature
from samedream.comparison.labelled.material import Material, Pair, distinct
from samedream.comparison.table import MANY_TO_MANY, SPLIT

LITTLE = 0.05  # a difference in shares below this is called little, however sure it is
KINDS = {
    "word": "stand for one word",
    "word family": "stand for a family of words (forms of one word, years, numbers)",
    "punctuation": "stand for punctuation",
    "position": "peak in the first or last word of passages",
    "topic": "have half of their activation in one category",
    "dense": "fire in more than half of the passages",
}
"""Kinds of labels as sentences say them; "mixed" is the rest and says nothing."""


def granularity(material: Material) -> Section:
    """Whose features are narrower, as far as the curves over dictionary widths can tell."""
    found = material.summary["granularity"]
    claims = [] if found["verdict"] is None else [_verdict(material, found)]
    gaps = [f"which model cuts finer: {found['why'] or 'not measured'}"] if found["verdict"] is None else []
    claims += [claim for claim in (_both_ways(material), *_splits(material)) if claim]
    return Section("granularity", SECTIONS["granularity"], claims, gaps)


def _verdict(material: Material, found: dict[str, Any]) -> Claim:
    a, b = material.names
    spread = [found[side][ARTICLES] for side in ("a", "b")]
    widths = found["by_measure"][ARTICLES]["widths"]
    spreads = f"a usual feature of {a} spreads over {amounts(spread[0])} articles, of {b} over {amounts(spread[1])}"
    text = {
        "narrower": f"{a} cuts finer than {b}: {spreads}, and so it is at each of {widths} dictionary widths.",
        "broader": f"{b} cuts finer than {a}: {spreads}, and so it is at each of {widths} dictionary widths.",
    }.get(
        found["verdict"],
        f"Neither model clearly cuts finer: {spreads}, and the two are not apart at all of {widths} dictionary widths.",
    )
    figures = {f"granularity.{side}.{ARTICLES}": figure(one) for side, one in zip(("a", "b"), spread, strict=True)}
    return Claim(text, figures | {"granularity.margin": found["margin"]}, ids(*_usual(material)))


def _usual(material: Material) -> list[Feature]:
    """Of each model the feature that can stand as an example and whose breadth is the middle one."""
    chosen = []
    for found in material.features.values():
        known = sorted(
            (one for one in found if one.articles is not None and material.telling(one)),
            key=lambda one: one.articles or 0,
        )
        chosen += known[len(known) // 2 : len(known) // 2 + 1]
    return chosen


def _both_ways(material: Material) -> Claim | None:
    """A pair in which a's feature is far narrower than its match, and one the other way round."""
    telling = [pair for pair in material.pairs if material.telling(pair[0]) and material.telling(pair[1])]
    known = [pair for pair in telling[: len(telling) // 2] if pair[0].articles and pair[1].articles]  # the stronger
    if len(known) < 2:
        return None
    known.sort(key=_breadth_of_a)
    first, last = known[0], known[-1]
    if _breadth_of_a(first) >= 1 or _breadth_of_a(last) <= 1:
        return None
    a, b = material.names
    text = (
        f"Single pairs go both ways: {a}’s {quoted(first[0])} spreads over {first[0].articles:.0f} articles and its "
        f"match in {b}, {quoted(first[1])}, over {first[1].articles:.0f}; {b}’s {quoted(last[1])} over "
        f"{last[1].articles:.0f} and its match in {a}, {quoted(last[0])}, over {last[0].articles:.0f}."
    )
    named = ids(*first, *last)
    figures = {f"effective_articles.{one.id}": one.articles for one in (*first, *last)}
    return Claim(text, figures, named)


def _breadth_of_a(pair: Pair) -> float:
    return float(pair[0].articles or 0.0) / float(pair[1].articles or 1.0)


def _splits(material: Material) -> list[Claim]:
    """Features of one model that come apart into several of the other: finer there, for that concept."""
    claims = []
    for side, other in (("a", "b"), ("b", "a")):
        here, there = material.names if side == "a" else material.names[::-1]
        found = [one for one in material.features[side] if one.kind_of_match in (SPLIT, MANY_TO_MANY) and one.children]
        shown = material.examples(found, 1)
        if not shown:
            continue
        parts = [material.features[other][number] for number in shown[0].children]
        text = (
            f"{counted(len(found), 'feature')} of {here} {'comes' if len(found) == 1 else 'come'} apart into several "
            f"of {there}, such as {quoted(shown[0])} into {listed([quoted(part) for part in parts])}."
        )
        claims.append(Claim(text, {f"structure.{side}.split": len(found)}, ids(shown[0], *parts)))
    return claims


def style(material: Material) -> Section:
    """Names or not, single words or themes: what kinds of things the features stand for."""
    claims = [claim for claim in (_names(material),) if claim]
    count = {side: Counter(one.kind for one in found if one.kind) for side, found in material.features.items()}
    total = {side: sum(found.values()) for side, found in count.items()}
    gaps = []
    if not total["a"] or not total["b"]:
        return Section("style", SECTIONS["style"], claims, ["a model has no labels, so the kinds cannot be compared"])
    apart = []
    for kind, words in KINDS.items():
        hits, of = (count["a"][kind], count["b"][kind]), (total["a"], total["b"])
        found = difference(hits, of, tests=len(KINDS))
        if found.low > 0 or found.high < 0:
            apart.append((abs(found.value), _more_of(material, kind, words, hits=hits, of=of)))
    claims += [claim for _, claim in sorted(apart, key=lambda one: -one[0])]
    alike = [kind for kind in KINDS if not any(f"kind.a.{kind}" in claim.figures for _, claim in apart)]
    if alike:
        gaps.append(f"no difference beyond chance in how many features are of the kind {listed([*map(str, alike)])}")
    return Section("style", SECTIONS["style"], claims, gaps)


def _names(material: Material) -> Claim | None:
    """How much of the peaks is part of a name: entity-centric or not."""
    found = material.summary["granularity"]
    judged = (found.get("by_measure") or {}).get(ENTITIES)
    if not judged or judged["finding"] is None or ENTITIES not in found["a"]:
        return None
    a, b = material.names
    one, other = (found[side][ENTITIES] for side in ("a", "b"))
    little = " a little" if abs(one["value"] - other["value"]) < LITTLE else ""
    says = {
        "a higher": f"{a} is{little} the more entity-centric",
        "a lower": f"{b} is{little} the more entity-centric",
    }.get(judged["finding"], "Neither is clearly the more entity-centric")
    text = (
        f"{says}: {shares(one)} of the peaks of {a}’s features are part of a name, {shares(other)} of {b}’s "
        f"(judged over {judged['widths']} dictionary widths)."
    )
    on_names = [
        next(iter(material.examples((f for f in side if (f.entity_share or 0) >= 0.5 and f.matched), 1)), None)
        for side in material.features.values()
    ]
    named = [one for one in on_names if one] or _usual(material)
    figures = {f"granularity.{side}.{ENTITIES}": figure(found[side][ENTITIES]) for side in ("a", "b")}
    return Claim(text, figures | {"granularity.entity_share.margin": judged["margin"]}, ids(*named))


def _more_of(material: Material, kind: str, words: str, *, hits: tuple[int, int], of: tuple[int, int]) -> Claim:
    a, b = material.names
    parts = [f"{percent(hit / total)} of {name}’s" for hit, total, name in zip(hits, of, (a, b), strict=True)]
    side = "a" if hits[0] / of[0] > hits[1] / of[1] else "b"
    own = [one for one in material.features[side] if one.kind == kind and one.label]
    shown = distinct(own, lambda one: {one.label})[:3]
    more = a if side == "a" else b
    text = f"{more} has more features that {words}: {listed(parts)}, such as {listed([quoted(one) for one in shown])}."
    figures = {
        f"kind.{side}.{kind}": figure(wilson(hit, total)) for side, hit, total in zip(("a", "b"), hits, of, strict=True)
    }
    return Claim(text, figures, ids(*shown))
