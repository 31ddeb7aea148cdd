"""What a feature's evidence looks like, and the label that says so. One feature at a time, plain Python.

Kinds, in the order in which they are tried; shares are of the activation at the peaks:

- *punctuation*: marks take 60 %.
- *phrase*: one pair of words takes 60 %.
- *word*: one word takes 60 %.
- *word family*: words of one stem, years, numbers, or function words together take 60 %.
- *syntax*: different words of one ending, or acronyms, take 60 %, more than chance (`syntax`).
- *position*: 75 % stand in the first word of their passage, or in the last or after it.
- *dense*: the feature fires in more than half of the passages.
- *topic*: half of the activation is in one topic, which is at least twice its share of the corpus.
- *mixed*: everything else.

A label in quotation marks says only what stands at the peaks: no keyword was found that these passages share.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from samedream.labels.neighbours import Phrase
from samedream.labels.surface import ACRONYM, NUMBER, YEAR
from samedream.labels.syntax import WordClass

UNCLEAR = "unclear"  # the label where nothing can be said
NAMELESS = ("", UNCLEAR)
MAJORITY = 0.6
EDGE = 0.75
DENSE = 0.5
TOPIC_SHARE, TOPIC_LIFT = 0.5, 2.0
_YEAR = re.compile(r"(?:1\d|20)\d\d(?:s)?")
_NUMBER = re.compile(r"\d[\d.,]*")


@dataclass(frozen=True)
class Trigger:
    """Something a feature peaks on: what stands there, its share of the peaks, and what it is."""

    name: str
    share: float
    is_word: bool
    is_function_word: bool


@dataclass(frozen=True)
class Traits:
    """What is known of one feature.

    Attributes:
        triggers: Most frequent first.
        keywords: Best first.
        at_start: Share of the peaks in a passage's first word.
        at_end: Share of the peaks in a passage's last word or after it.
        firing_rate: Share of the passages on which it fires.
        topic: Share and lift of its leading topic, (0, 0) without topics.
        phrase: The pair of words that takes the largest share of the peaks.
        word_class: The class of words that its triggers are of more than chance.
    """

    triggers: Sequence[Trigger]
    keywords: Sequence[str]
    at_start: float = 0.0
    at_end: float = 0.0
    firing_rate: float = 0.0
    topic: tuple[float, float] = (0.0, 0.0)
    phrase: Phrase | None = None
    word_class: WordClass | None = None


class Described(NamedTuple):
    """Kind and label of a feature, and the class of words that the label names ("<year>"), "" where it names none."""

    kind: str
    label: str
    word_class: str = ""


def related(a: str, b: str) -> bool:
    """Whether two words are one, a plural, or share a stem: a common prefix of 4 letters and 70 % of the shorter."""
    a, b = sorted((a.casefold(), b.casefold()), key=len)
    if a == b:
        return True
    common = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if common == len(a) and len(b) - len(a) <= 2 and len(a) >= 3:
        return True
    return common >= 4 and common >= 0.7 * len(a)


def diverse(words: Sequence[str], most: int, taken: Sequence[str] = ()) -> list[str]:
    """The first `most` words that share no stem with an earlier one nor with those already taken."""
    chosen: list[str] = []
    for word in words:
        if len(chosen) == most:
            break
        if not any(related(word, other) for other in (*taken, *chosen)):
            chosen.append(word)
    return chosen


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" if '"' in name else f'"{name}"' for name in names)


def _family(triggers: Sequence[Trigger]) -> list[Trigger]:
    """The largest set of words that share a stem with its leading word."""
    words = [trigger for trigger in triggers if trigger.is_word][:20]
    families = [[other for other in words if related(other.name, lead.name)] for lead in words[:5]]
    return max(families, key=lambda family: sum(trigger.share for trigger in family), default=[])


def _share(triggers: Sequence[Trigger]) -> float:
    return sum(trigger.share for trigger in triggers)


def _of_triggers(traits: Traits, most: int) -> Described | None:
    """A feature that peaks on the same few things, or None."""
    triggers = traits.triggers
    marks = [trigger for trigger in triggers if not trigger.is_word]
    if _share(marks) >= MAJORITY:
        leading = [mark for mark in marks if mark.share >= marks[0].share / 4][:most]
        return Described("punctuation", f"punctuation {_quoted([mark.name for mark in leading])}")
    if traits.phrase and traits.phrase.share >= MAJORITY:
        return _of_phrase(traits.phrase, traits.keywords, most)
    if triggers and triggers[0].share >= MAJORITY:
        name = triggers[0].name
        if triggers[0].is_function_word:
            return Described("word", f'word "{name}"')
        return Described("word", ", ".join([name, *diverse(traits.keywords, most - 1, [name])]))
    for title, pattern, word_class in (("years", _YEAR, YEAR), ("numbers", _NUMBER, NUMBER)):
        numbers = [trigger for trigger in triggers if pattern.fullmatch(trigger.name)]
        if _share(numbers) >= MAJORITY:
            names = ", ".join(trigger.name for trigger in numbers[:most])
            return Described("word family", f"{title} ({names})", word_class)
    return _of_words(traits, most)


def _of_phrase(phrase: Phrase, keywords: Sequence[str], most: int) -> Described:
    if phrase.functional:
        return Described("phrase", f'phrase "{phrase.name}"')
    parts = phrase.name.split()
    others = [word for word in keywords if not set(word.casefold().split()) & {part.casefold() for part in parts}]
    return Described("phrase", ", ".join([phrase.name, *diverse(others, most - 1, parts)]))


def _of_words(traits: Traits, most: int) -> Described | None:
    """A feature that peaks on words of one stem, on function words or on words of one spelling, or None."""
    family = _family(traits.triggers)
    if _share(family) >= MAJORITY and not family[0].is_function_word:
        names = [trigger.name for trigger in family[: max(1, most - 1)]]
        return Described("word family", ", ".join([*names, *diverse(traits.keywords, most - len(names), names)]))
    functional = [trigger for trigger in traits.triggers if trigger.is_function_word]
    if _share(functional) >= MAJORITY:
        label = f"words {_quoted([trigger.name for trigger in functional[:most]])}"
        return Described("word family", label)
    spelt = traits.word_class
    if spelt and spelt.share >= MAJORITY:
        title = "acronyms" if spelt.name == ACRONYM else f'words in "{spelt.name[1:-1]}"'
        return Described("syntax", f"{title} ({', '.join(spelt.examples[:most])})", spelt.name)
    return None


def describe(traits: Traits, most: int) -> Described:
    """Kind and label of a feature, and the class of words it names.

    Args:
        traits: What is known of it.
        most: Words of a label.
    """
    if found := _of_triggers(traits, most):
        return found
    keywords = ", ".join(diverse(traits.keywords, most))
    for share, place in ((traits.at_start, "start"), (traits.at_end, "end")):
        if share >= EDGE:
            return Described("position", f"{place} of passage" + (f" ({keywords})" if keywords else ""))
    words = keywords or _quoted([trigger.name for trigger in traits.triggers[:most]]) or UNCLEAR
    if traits.firing_rate > DENSE:
        return Described("dense", words)
    share, lift = traits.topic
    return Described("topic" if share >= TOPIC_SHARE and lift >= TOPIC_LIFT else "mixed", words)
