"""Sections of the written comparison that say what the models have in common: categories and shared anchors."""

from collections import Counter
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
    paired,
    percent,
    quoted,
    shares,
)
from samedream.comparison.labelled.counting import agreement
from samedream.comparison.labelled.features import LEAST_SHARE, Feature
from samedream.comparison.labelled.material import Material, Pair

MOST = 5  # categories that are named with their counts
LEAST_PAIRS = 30  # pairs below which agreement in category is not judged
FEW = 10  # features in one model alone that are no difference yet
LEAST_ANCHOR = 3  # pairs of one category that make an anchor
NO_CATEGORIES = "the corpus names no topics of its articles, or no feature has a third of its activation in one"


def categories(material: Material) -> dict[str, Counter[str]]:
    """Side → category → features."""
    return {
        side: Counter(one.category for one in found if one.category is not None)
        for side, found in material.features.items()
    }


def overlap(material: Material) -> Section:
    """Whether both models divide the text into the same domains."""
    count = categories(material)
    both = sorted(count["a"].keys() & count["b"].keys(), key=lambda name: (-count["a"][name] - count["b"][name], name))
    if not both:
        return Section("overlap", SECTIONS["overlap"], [], [NO_CATEGORIES])
    claims = [_in_both(material, count, both)]
    gaps = []
    alone = {side: sorted(count[side].keys() - count[other].keys()) for side, other in (("a", "b"), ("b", "a"))}
    claims += [_in_one(material, side, missing) for side, missing in alone.items() if missing]
    same = _same_category(material)
    if same is None:
        gaps.append(f"fewer than {LEAST_PAIRS} pairs have a category on both sides, so whether they agree is not said")
    else:
        claims.append(same)
    return Section("overlap", SECTIONS["overlap"], claims, gaps)


def _in_both(material: Material, count: dict[str, Counter[str]], both: list[str]) -> Claim:
    a, b = material.names
    shown = [f"{name} ({count['a'][name]:,} and {count['b'][name]:,})" for name in both[:MOST]]
    lead = [next(iter(_of_category(material, name)), None) for name in both[:MOST]]
    named = [feature for pair in lead if pair for feature in pair]
    named = named or [next(one for one in material.features[side] if one.category == both[0]) for side in ("a", "b")]
    rest = [f"{len(both) - MOST} more"] if len(both) > MOST else []
    same = "one category" if len(both) == 1 else f"the same {len(both)} categories"
    text = (
        f"Both models have features of {same}: {listed([*shown, *rest])} (features of {a} and of {b} with at least "
        f"{percent(LEAST_SHARE)} of their activation in that category)."
    )
    figures = {f"features.{side}.{name}": count[side][name] for name in both for side in ("a", "b")}
    return Claim(text, figures, ids(*named))


def _in_one(material: Material, side: str, missing: list[str]) -> Claim:
    here, there = material.names if side == "a" else material.names[::-1]
    found = [one for one in material.features[side] if one.category in missing]
    has = "has" if len(missing) == 1 else "have"
    text = f"{listed(missing)} {has} {counted(len(found), 'feature')} in {here} and none in {there}"
    text += ": too few to call it a difference." if len(found) < FEW else "."
    return Claim(text, {f"features.{side}.only": len(found)}, ids(*material.examples(found, 3)))


def _same_category(material: Material) -> Claim | None:
    known = [(one, other) for one, other in material.pairs if one.category and other.category]
    found = agreement([(str(one.category), str(other.category)) for one, other in known])
    if found is None or found.pairs < LEAST_PAIRS:
        return None
    verdict = (
        "features that fire together are about the same domain"
        if found.share.low > found.chance
        else "whether features that fire together are about the same domain cannot be told"
    )
    text = (
        f"Where both features of a one-to-one pair have a category ({found.pairs:,} pairs), it is the same one in "
        f"{shares(found.share)}; dealt out at random it would be in {percent(found.chance)}: {verdict}."
    )
    figures = {"same_category": figure(found.share), "same_category.chance": found.chance, "pairs": found.pairs}
    same = [pair for pair in known if pair[0].category == pair[1].category]
    apart = [pair for pair in known if pair[0].category != pair[1].category]
    named = [*material.telling_pairs(same)[:2], *material.telling_pairs(apart)[:1]] or known[:1]
    return Claim(text, figures, ids(*(feature for pair in named for feature in pair)))


def _of_category(material: Material, name: str) -> list[tuple[Feature, Feature]]:
    return material.telling_pairs(
        pair for pair in material.pairs if pair[0].category == name and pair[1].category == name
    )


def anchors(material: Material) -> Section:
    """The clusters that both have: for each category its one-to-one pairs, then pairs of no category."""
    if not material.pairs:
        return Section("anchors", SECTIONS["anchors"], [], ["no two features choose each other and pass the test"])
    size = Counter(one.category for one, other in material.pairs if one.category and one.category == other.category)
    claims = []
    for name, amount in sorted(size.items(), key=lambda item: (-item[1], str(item[0]))):
        if amount >= LEAST_ANCHOR:
            own = [pair for pair in material.pairs if pair[0].category == name == pair[1].category]
            claims.append(_anchor(material, f"{name}: {counted(amount, 'pair')} choose each other", own, str(name)))
    claims += _across(material)
    gaps = [] if claims else [f"no category has {LEAST_ANCHOR} pairs of features that choose each other"]
    return Section("anchors", SECTIONS["anchors"], claims, gaps)


def _across(material: Material) -> list[Claim]:
    """Pairs of no category: words and forms that stand in articles of all kinds."""
    found = [pair for pair in material.pairs if pair[0].category is None and pair[1].category is None]
    if len(found) < LEAST_ANCHOR:
        return []
    lead = f"Across the categories: {counted(len(found), 'pair')} belong to no single one"
    return [_anchor(material, lead, found, "no category")]


def _anchor(material: Material, lead: str, own: list[Pair], name: str) -> Claim:
    """Pairs with their best examples; else by the one label that can stand as such; else the strongest pair.

    Args:
        material: What is written about.
        lead: The sentence so far.
        own: The pairs, strongest first.
        name: Of the figures.
    """
    shown = material.telling_pairs(own)[:3]
    said = [paired(pair) for pair in shown]
    if not shown:
        shown = [pair for pair in own if material.telling(pair[0]) or material.telling(pair[1])][:3]
        said = [
            f"{quoted(one if material.telling(one) else other)} (r = {number(one.r or 0.0)}; the label of its match "
            "does not hold)"
            for one, other in shown
        ]
    named = f", such as {listed(said)}" if said else "; none has a label that can name it"
    shown = shown or own[:1]
    figures: dict[str, Any] = {f"pairs.{name}": len(own)}
    figures |= {f"r.{one.id}--{other.id}": one.r for one, other in shown}
    return Claim(f"{lead}{named}.", figures, ids(*(feature for pair in shown for feature in pair)))
