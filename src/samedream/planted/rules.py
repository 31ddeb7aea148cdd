"""Features with a known rule, planted on real passages: they fire where a year stands, an acronym, a sports word ...

What a label should say of such a feature is known, so labels and their scores can be marked. A feature's rule is a
pattern; it fires on a passage with a gain that varies, misses some passages where its rule holds, and fires weakly on
some where it does not.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

MISSED = 0.2  # of the passages where the rule holds
NOISE = 0.1  # of its firings: on passages where the rule does not hold, on some word
_WEAK = 0.3  # strength of such noise
_GAIN = 0.5  # standard deviation of the logarithm of the gain

_TOPICS = {
    "sports": "football team league player players game games match tournament championship olympic coach goal "
    "tennis baseball basketball cricket hockey athlete athletes sport sports rugby boxing",
    "places": "Paris London Rome Berlin Moscow Tokyo Beijing Vienna Madrid Cairo Athens Delhi Istanbul Chicago Boston",
    "capitals": "capital capitals",
    "months": "January February March April June July August September October November December",
    "numbers in words": "two three four five six seven eight nine ten twelve hundred thousand million billion",
    "family": "father mother son daughter brother sister wife husband child children parents family",
    "war": "war wars battle battles army armies military soldiers weapon weapons invasion siege troops navy",
    "music": "music song songs album albums band singer opera orchestra composer composers musical symphony jazz",
    "animals": "animal animals dog dogs cat cats horse horses bird birds fish insect insects mammal mammals species",
    "body": "blood heart brain skin bone bones muscle muscles liver lungs stomach eye eyes",
    "chemistry": "chemical element atom atoms molecule molecules acid metal oxygen hydrogen carbon compound compounds",
    "religion": "god gods church religion religious christian catholic islam islamic bible buddhist temple jesus",
    "water": "river rivers lake lakes sea seas ocean oceans island islands coast",
    "school": "university school schools students education college teacher teachers academic",
    "colours": "red blue green yellow white black brown orange purple grey",
    "law": "law laws court courts legal judge rights crime criminal constitution",
}
_SHAPES = {
    "a year": r"\b(?:1\d|20)\d\d\b",
    "a number": r"\b\d{1,3}(?:[.,]\d+)*\b",
    "an acronym": r"\b[A-Z]{2,}\b",
    "a plural": r"\b[a-z]{3,}[^\Wsuia]s\b",
    "-ing": r"\b[a-z]{2,}ing\b",
    "-ed": r"\b[a-z]{2,}ed\b",
    "-ly": r"\b[a-z]{2,}ly\b",
    "a bracket": r"\(",
    "a semicolon": r";",
    "a quotation mark": r'"',
    "a hyphenated word": r"\b\w+-\w+\b",
}
_LEAST = 25  # passages where a rule must hold


@dataclass(frozen=True)
class Rule:
    """A rule: its name, and the pattern of what it fires on."""

    name: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class PlantedRules:
    """Features that follow rules.

    Attributes:
        rules: Of each feature.
        activity: float32 [passages, features].
        peaks: First character and character after the peak of each stored value, uint32.
    """

    rules: list[Rule]
    activity: "sparse.csr_matrix[np.float32]"
    peaks: tuple[NDArray[np.uint32], NDArray[np.uint32]]


def rules_of(texts: Sequence[str], words: int) -> list[Rule]:
    """Shapes, topics, frequent pairs, and as many single words, those that hold in at least 25 of the passages.

    Args:
        texts: The passages.
        words: How many single words, and a third as many pairs; of middling frequency: in 25 passages to 5 % of them.
    """
    rules = [Rule(name, re.compile(pattern)) for name, pattern in _SHAPES.items()]
    rules += [
        Rule(name, _any_of(listed.split(), case=name in ("places", "months"))) for name, listed in _TOPICS.items()
    ]
    held = Counter(word for text in texts for word in set(re.findall(r"\b[a-z]{5,}\b", text)))
    pairs = Counter(pair for text in texts for pair in set(re.findall(r"\b(?=([A-Za-z]{4,} [A-Za-z]{4,})\b)", text)))
    for counted, wanted in ((held, words), (pairs, words // 3)):
        middling = sorted(term for term, times in counted.items() if _LEAST <= times <= len(texts) / 20)
        step = max(len(middling) // max(wanted, 1), 1)
        rules += [Rule(term, _any_of([term], case=False)) for term in middling[::step][:wanted]]
    return [rule for rule in rules if sum(bool(rule.pattern.search(text)) for text in texts) >= _LEAST]


def _any_of(words: Sequence[str], *, case: bool) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", 0 if case else re.IGNORECASE)


def plant(texts: Sequence[str], rules: Sequence[Rule], *, seed: int) -> PlantedRules:
    """Features that follow the rules, with misses, noise and a varying gain.

    Args:
        texts: The passages.
        rules: One for each feature.
        seed: Of all that varies.
    """
    random = np.random.default_rng(seed)
    entries: list[tuple[int, int, float, int, int]] = []
    holds = [sum(bool(rule.pattern.search(text)) for text in texts) for rule in rules]
    noise = [(1 - MISSED) * n * NOISE / (1 - NOISE) / max(len(texts) - n, 1) for n in holds]
    for row, text in enumerate(texts):
        words = [match.span() for match in re.finditer(r"\w+", text)]
        for column, rule in enumerate(rules):
            spans = [match.span() for match in rule.pattern.finditer(text)]
            gain = float(np.exp(_GAIN * random.standard_normal()))
            if spans and random.random() >= MISSED:
                entries.append((row, column, gain, *spans[random.integers(len(spans))]))
            elif not spans and words and random.random() < noise[column]:
                entries.append((row, column, _WEAK * gain, *words[random.integers(len(words))]))
    rows, columns, value, starts, ends = np.array(entries, float).reshape(-1, 5).T
    shape = (len(texts), len(rules))
    activity = sparse.csr_matrix((value.astype(np.float32), (rows.astype(int), columns.astype(int))), shape=shape)
    return PlantedRules(list(rules), activity, (starts.astype(np.uint32), ends.astype(np.uint32)))


def first_named(label: str) -> str:
    """The first word, pair of words or mark that a label names."""
    titled = re.fullmatch(
        r"(?:years|numbers|acronyms|words in \"-\w+\"|start of passage|end of passage) \((.+)\)", label
    )
    words = titled[1] if titled else label
    quoted = re.match(r"""(?:punctuation |words? |phrase )?(?:"([^"]+)"|'(")')""", words)
    if quoted:
        return quoted[1] or quoted[2]
    return words.split(", ")[0]


def names_rule(label: str, rule: Rule) -> bool:
    """Whether the first thing that a label names is what the rule fires on."""
    return bool(rule.pattern.search(first_named(label)))
