"""The seeded sample over a whole source, in bounded memory: the passages with the smallest keys (a bottom-k sketch).

A passage's key is a hash of (seed, article, its rank among the article's passages); the ranks are seeded too, see
`passages`. Keys are uniform and independent of all else, so the passages with the n smallest keys are a uniform sample
of n. They do not depend on the order of the source, and those of a smaller n are the first of those of a larger n.

Duplicates, word for word, collapse exactly while reading: of all with the same words the smallest key is held.
Near-duplicates, and articles with too many passages, can only be told when all is read: half as many passages again,
and 1,000, are held in spare for that. Where even these do not suffice the sample is smaller than was asked for.
"""

import hashlib
from collections import Counter
from itertools import repeat
from typing import NamedTuple

from samedream.corpus.articles import Tally
from samedream.corpus.config import CorpusConfig
from samedream.corpus.duplicates import NearDuplicates, normalised, sketches
from samedream.records import Passage

_NOT_DRAWN = "not drawn"
BEYOND = "beyond passages_per_article"


class Drawn(NamedTuple):
    """A passage that may enter the sample."""

    key: bytes
    words: bytes
    most: int | None
    passage: Passage

    def order(self) -> tuple[bytes | str, ...]:
        """Sorts by key; equal keys (the same text met twice) by everything else, so that no reading order shows."""
        p = self.passage
        return (self.key, p.passage_id, p.section, p.article, p.kind, p.topic or "")


def seeded_hash(seed: int, name: str) -> bytes:
    """8 bytes, uniform, from a seed and a name."""
    raw = f"{seed}\0{name}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(raw, digest_size=8, person=b"samedream.draw").digest()


def sampling_key(seed: int, draw_id: str, rank: int) -> bytes:
    """The key of an article's passage number `rank`, compared as bytes."""
    return seeded_hash(seed, f"{rank}\0{draw_id}")


class Sampler:
    """Takes passages article by article and keeps those that are drawn."""

    def __init__(self, config: CorpusConfig, tally: Tally) -> None:
        """Start empty."""
        self._config, self._tally = config, tally
        wanted = config.passages
        self._hold = None if wanted is None else wanted + wanted // 2 + 1_000
        self._held: list[Drawn] = []
        self._bound: bytes | None = None  # keys from here on are out of reach

    def cap(self, *, grouped: bool) -> int | None:
        """Most passages of one article; None for all."""
        most = self._config.passages_per_article
        if most == "auto":
            return None if grouped else 1
        return None if most == "all" else most

    def out_of_reach(self, draw_id: str, *, grouped: bool) -> bool:
        """Whether no passage of an article can be drawn any more: it need not be cleaned and cut."""
        cap = self.cap(grouped=grouped)
        if self._bound is None or cap is None:
            return False
        return all(sampling_key(self._config.seed, draw_id, rank) >= self._bound for rank in range(cap))

    def offer(self, draw_id: str, passages: list[Passage], *, grouped: bool) -> None:
        """Offer the passages of one article, in the order of their ranks."""
        cap = self.cap(grouped=grouped)
        for rank, passage in enumerate(passages):
            key = sampling_key(self._config.seed, draw_id, rank)
            if self._bound is not None and key >= self._bound:
                self._tally.passages_dropped[_NOT_DRAWN] += 1
            else:
                self._held.append(Drawn(key, self._words(passage), cap, passage))
        if self._hold is not None and len(self._held) >= 2 * self._hold:
            self._prune()

    def _words(self, passage: Passage) -> bytes:
        words = normalised(passage.text) if self._config.drop_near_duplicates else passage.passage_id
        return hashlib.blake2b(words.encode(), digest_size=12).digest()

    def _prune(self) -> None:
        """Sort, collapse duplicates, and let go of what is beyond the spare."""
        distinct: dict[bytes, Drawn] = {}
        for drawn in sorted(self._held, key=Drawn.order):
            distinct.setdefault(drawn.words, drawn)
        self._tally.passages_dropped["duplicates"] += len(self._held) - len(distinct)
        self._held = list(distinct.values())
        if self._hold is not None and len(self._held) > self._hold:
            self._tally.passages_dropped[_NOT_DRAWN] += len(self._held) - self._hold
            self._bound = self._held[self._hold].key
            del self._held[self._hold :]

    def result(self) -> list[Passage]:
        """The sample, in the order of the keys."""
        self._prune()
        wanted = len(self._held) if self._config.passages is None else self._config.passages
        kept: list[Passage] = []
        articles: Counter[str] = Counter()
        alike = NearDuplicates() if self._config.drop_near_duplicates else None
        known = sketches([drawn.passage.text for drawn in self._held]) if alike else repeat(None)
        for number, ((_, _, most, passage), sketch) in enumerate(zip(self._held, known, strict=False)):
            if len(kept) == wanted:
                self._tally.passages_dropped[_NOT_DRAWN] += len(self._held) - number
                break
            if most is not None and articles[passage.article_id] >= most:
                self._tally.passages_dropped[BEYOND] += 1
                continue
            if alike and sketch:
                if not alike.is_new(sketch):
                    self._tally.passages_dropped["near duplicates"] += 1
                    continue
                alike.keep(sketch)
            articles[passage.article_id] += 1
            kept.append(passage)
        return kept
