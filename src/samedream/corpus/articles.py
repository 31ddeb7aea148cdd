"""What the readers hand on: articles made of blocks of raw text, and the tally of all that was read and dropped."""

from collections import Counter
from typing import Any, NamedTuple

import msgspec

from samedream.progress import Step

_NAMES_KEPT = 40  # names of languages and columns remembered for an error message


class Block(NamedTuple):
    """A stretch of raw text: one paragraph or the lead."""

    section: str
    kind: str
    text: str


class Article(msgspec.Struct, frozen=True):
    """One article as its source gives it.

    Attributes:
        article_id: Unique in the corpus; starts with the language where one is known ("en:Chess").
        title: The article's title, "" when the source gives none.
        language: ISO code as the source spells it, or "".
        topic: A label the source gives, or None.
        blocks: Its text, in reading order, not yet cleaned.
        draw_id: What the sampling key is made from. The article_id, but for rows that share one article something of
            their own.
        grouped: Whether its source does not come as one record per article (plain text, rows grouped by id_column).
    """

    article_id: str
    title: str
    language: str
    topic: str | None
    blocks: list[Block]
    draw_id: str
    grouped: bool = False


def article_id(language: str, name: str) -> str:
    """The id of an article: its language, where known, and its name or number."""
    return f"{language}:{name}" if language else name


class Tally:
    """Counts of what was read, dropped and quarantined, by reason; also what the progress shows."""

    def __init__(self, progress: Step | None = None) -> None:
        """Start at zero; `progress`, if given, is advanced by the megabytes read."""
        self.articles_read = 0
        self.paragraphs_passed_over = 0
        self.passages_cut = 0
        self.articles_dropped: Counter[str] = Counter()
        self.passages_dropped: Counter[str] = Counter()
        self.quarantined: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()
        self.languages_seen: Counter[str] = Counter()
        self.columns_seen: set[str] = set()
        self._progress = progress

    def read_bytes(self, number: int) -> None:
        """Count bytes read from disk for the progress."""
        if self._progress is not None:
            self._progress.advance(number / 1e6, note=f"{self.articles_read:,} articles")

    def see_language(self, language: str) -> None:
        """Remember a language for the message when none is left."""
        if language in self.languages_seen or len(self.languages_seen) < _NAMES_KEPT:
            self.languages_seen[language] += 1

    def see_columns(self, names: list[str]) -> None:
        """Remember column names for the message when no text is found."""
        if len(self.columns_seen) < _NAMES_KEPT:
            self.columns_seen.update(names[:_NAMES_KEPT])

    def counts(self) -> dict[str, Any]:
        """All counts as plain JSON values."""
        return {
            "articles_read": self.articles_read,
            "articles_dropped": dict(sorted(self.articles_dropped.items())),
            "paragraphs_passed_over": self.paragraphs_passed_over,
            "passages_cut": self.passages_cut,
            "passages_dropped": dict(sorted(self.passages_dropped.items())),
            "quarantined": dict(sorted(self.quarantined.items())),
            "read_with_replacement": dict(sorted(self.replaced.items())),
        }
