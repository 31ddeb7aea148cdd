"""The written comparison as the page shows it: each sentence with the features it rests on, linked where it can be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from samedream import artifacts
from samedream.comparison.labelled import DIRECTORY
from samedream.comparison.labelled.claims import Claim, Written
from samedream.comparison.labelled.store import BY_MODEL, WRITTEN, load_written
from samedream.report.views import Card


@dataclass(frozen=True)
class Cited:
    """A feature that a sentence rests on: side (0 for a, 1 for b), number, label, and its card or ""."""

    side: int
    number: int
    label: str
    anchor: str


@dataclass(frozen=True)
class Sentence:
    """A sentence and what it rests on: `figures` names them as files do."""

    text: str
    cited: tuple[Cited, ...]
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One section: from figures, by a language model where one was asked, and what could not be said."""

    title: str
    sentences: tuple[Sentence, ...]
    by_model: tuple[Sentence, ...]
    gaps: tuple[str, ...]


@dataclass(frozen=True)
class InWords:
    """The written comparison. `writer`: what the language model is called, "" where none was asked."""

    sections: tuple[Part, ...]
    writer: str
    dropped: int
    notes: tuple[str, ...]


def in_words(comparison: Path, cards: Iterable[Card]) -> InWords | None:
    """The written comparison; None where it was not made.

    Args:
        comparison: ``comparison/<a>--<b>``.
        cards: Cards on the page, which features are linked to.

    Raises:
        CorruptArtifactError: It cannot be read.
    """
    directory = comparison / DIRECTORY
    if artifacts.read_manifest(directory) is None:
        return None
    anchors: dict[tuple[int, int], str] = {}
    for card in cards:
        for side, feature in enumerate((card.left, card.right)):
            if feature is not None:
                anchors.setdefault((side, feature.number), card.anchor)
    written, said = load_written(directory, WRITTEN), load_written(directory, BY_MODEL)
    if written is None:
        return None
    sections = []
    for section in written.sections:
        more = [one for other in (said.sections if said else ()) if other.key == section.key for one in other.claims]
        sections.append(
            Part(
                section.title,
                tuple(_sentence(claim, written, anchors) for claim in section.claims),
                tuple(_sentence(claim, written, anchors) for claim in more),
                tuple(section.gaps),
            )
        )
    return InWords(
        tuple(sections), said.by if said else "", sum(said.dropped.values()) if said else 0, tuple(written.notes)
    )


def _sentence(claim: Claim, written: Written, anchors: Mapping[tuple[int, int], str]) -> Sentence:
    cited = []
    for one in claim.features:
        side, number = "ab".index(one[0]), int(one[2:])
        cited.append(Cited(side, number, written.names.get(one, ""), anchors.get((side, number), "")))
    return Sentence(claim.text.replace(" %", "\N{NO-BREAK SPACE}%"), tuple(cited), tuple(claim.figures))
