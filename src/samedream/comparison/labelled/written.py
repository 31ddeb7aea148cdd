"""The comparison in words, as in the write-up that started this, from measured figures alone: no language model."""

from collections.abc import Callable

from samedream.comparison.labelled.claims import SECTIONS, Claim, Section, Written
from samedream.comparison.labelled.ending import divergences, summary
from samedream.comparison.labelled.material import Material
from samedream.comparison.labelled.overlap import anchors, overlap
from samedream.comparison.labelled.style import granularity, style
from samedream.labels.scores.badges import FAIR_OR_BETTER

_WRITERS: tuple[Callable[[Material], Section], ...] = (overlap, granularity, style, anchors, divergences, summary)


def write(material: Material) -> Written:
    """Every section; a sentence without a figure or a feature to rest on is not written, and the gap says why."""
    sections = [_checked(writer(material)) for writer in _WRITERS]
    return Written(
        models=material.names,
        by="figures",
        sections=sections,
        names=named(material, sections),
        notes=notes(material),
    )


def _checked(section: Section) -> Section:
    claims = [claim for claim in section.claims if claim.features and claim.figures]
    return Section(section.key, section.title, claims, section.gaps)


def named(material: Material, sections: list[Section]) -> dict[str, str]:
    """Id → label of every feature that a claim rests on."""
    every = {one.id: one.label for side in material.features.values() for one in side}
    return {one: every[one] for section in sections for claim in section.claims for one in claim.features}


def notes(material: Material) -> list[str]:
    """What to keep in mind when reading it."""
    said = [
        "A category is the topic that the corpus gives its articles. Kinds and categories rest on one dictionary of "
        "each model: another seed would change the counts somewhat, which their intervals do not hold."
    ]
    if material.scored:
        judged = [one.badge for side in material.features.values() for one in side if one.badge is not None]
        fair = sum(badge in FAIR_OR_BETTER for badge in judged)
        said.append(
            f"{fair:,} of {len(judged):,} labels are at least fair by their score on held-out passages, the others "
            "weak or no better than another feature’s. Examples are fair ones where there are any, else weak ones."
        )
    else:
        said.append("The labels were not scored: a name in quotation marks is a summary, not a tested claim.")
    return said


def markdown(written: Written) -> str:
    """The text to read: sections, sentences, and under each what it rests on."""
    a, b = written.models
    lines = [f"# Comparison of {a} and {b}", ""]
    by = "from measured figures alone" if written.by == "figures" else f"by {written.by}, from measured figures"
    lines += [f"Written {by}. In brackets: the features that a sentence rests on.", ""]
    for section in written.sections:
        lines += [f"## {SECTIONS.get(section.key, section.title)}", ""]
        for claim in section.claims:
            lines.append(f"- {claim.text} [{_cited(claim, written)}]")
        lines += [f"- Not said: {gap}." for gap in section.gaps]
        lines.append("")
    if written.dropped:
        said = ", ".join(f"{amount} {why}" for why, amount in sorted(written.dropped.items()))
        lines += [f"Sentences left out: {said}.", ""]
    lines += [*(f"{note}" for note in written.notes), ""]
    return "\n".join(lines)


def _cited(claim: Claim, written: Written) -> str:
    model = dict(zip("ab", written.models, strict=True))
    return ", ".join(f"{model[one[0]]} #{one[2:]}" for one in claim.features)
