"""Sections of the written comparison that say what the models have in common: categories and shared anchors."""

from collections import Counter

from samedream.comparison.labelled.claims import (
    SECTIONS,
    Claim,
    Section,
    counted,
    figure,
    ids,
    listed,
    paired,
    percent,
    shares,
)
from samedream.comparison.labelled.counting import agreement
from samedream.comparison.labelled.features import LEAST_SHARE, Feature
from samedream.comparison.labelled.material import Material

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
        shown = _of_category(material, str(name))[:3]
        if amount >= LEAST_ANCHOR and shown:
            text = f"{name}: {counted(amount, 'pair')} choose each other, such as {listed([*map(paired, shown)])}."
            figures = {f"pairs.{name}": amount} | {f"r.{one.id}--{other.id}": one.r for one, other in shown}
            claims.append(Claim(text, figures, ids(*(feature for pair in shown for feature in pair))))
    claims += _across(material)
    gaps = [] if claims else ["no pair of features that choose each other has labels that can stand as names"]
    return Section("anchors", SECTIONS["anchors"], claims, gaps)


def _across(material: Material) -> list[Claim]:
    """Pairs of no category: words and forms that stand in articles of all kinds."""
    found = [pair for pair in material.pairs if pair[0].category is None and pair[1].category is None]
    shown = material.telling_pairs(found)[:3]
    if len(found) < LEAST_ANCHOR or not shown:
        return []
    text = (
        f"Across the categories: {counted(len(found), 'pair')} belong to no single category, such as "
        f"{listed([*map(paired, shown)])}."
    )
    figures = {"pairs.no category": len(found)} | {f"r.{one.id}--{other.id}": one.r for one, other in shown}
    return [Claim(text, figures, ids(*(feature for pair in shown for feature in pair)))]
