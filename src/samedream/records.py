"""Record types that travel between stages. Coordinates are (passage id, character span), never a token index."""

from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict

Fold = Literal["label", "score"]
Stratum = Literal["top", "middle", "weak", "near miss"]


class Config(BaseModel):
    """Base of every stage's settings: frozen; an unknown key is an error, never ignored, and so are nan and inf."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Passage(msgspec.Struct, frozen=True):
    """A piece of text that every model reads.

    Attributes:
        passage_id: Unique and stable: the same source and cut give the same id in every stage and every run.
        article_id: The article it is from, unique in the corpus ("en:12345"); the exchangeable block of all statistics.
        article: The article's title.
        section: The heading it stands under ("Abstract" for the lead).
        kind: "abstract", "paragraph" or "text".
        language: ISO code, or "" when the source does not say.
        topic: A label the source gives the article, or None.
        text: The passage itself.
        fold: "label" or "score", by a hash of article_id: labels are made on one and scored on the other.
    """

    passage_id: str
    article_id: str
    article: str
    section: str
    kind: str
    language: str
    topic: str | None
    text: str
    fold: Fold


class Interval(msgspec.Struct, frozen=True):
    """An estimate with its interval: value, lower and upper end, and the confidence it was made for."""

    value: float
    low: float
    high: float
    confidence: float = 0.95


class Directed(msgspec.Struct, frozen=True):
    """A figure in both directions; None where the study cannot support it. a_to_b: how much of a is found in b."""

    a_to_b: Interval | None
    b_to_a: Interval | None
