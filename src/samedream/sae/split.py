"""Which rows train and which are held out: by article, so that no text is on both sides."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

HELD_OUT = 0.1


class Vectors(Protocol):
    """Raw hidden states, in memory (a tensor) or on disk (`samedream.activations.rows.StoredRows`)."""

    @property
    def shape(self) -> Sequence[int]:
        """Rows and width."""

    def __len__(self) -> int:
        """Number of rows."""

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows by their numbers, int64 [n]: float32 [n, d]."""


@runtime_checkable
class OnDisk(Vectors, Protocol):
    """Hidden states that are read as they are asked for."""

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows in the numbers they are stored in, [n, d]."""


@runtime_checkable
class VectorStore(Protocol):
    """What training needs of a harvest on disk."""

    @property
    def article_ids(self) -> Sequence[str]:
        """The article of each passage."""

    def stored(self, layer: str | None = None) -> Vectors:
        """The rows of a layer."""

    def row_passages(self, layer: str | None = None) -> npt.NDArray[np.int64]:
        """The passage of each row, int64 [rows]."""


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers, ascending.

    Attributes:
        train: int64 [train rows].
        held_out: int64 [held-out rows].
    """

    train: npt.NDArray[np.int64]
    held_out: npt.NDArray[np.int64]


def article_place(article_id: str) -> float:
    """A number in [0, 1) that depends on the article's id alone: below 0.1 the article is held out."""
    digest = hashlib.sha256(f"samedream sae {article_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split_rows(row_articles: npt.NDArray[np.int64], article_ids: Sequence[str], part: str) -> Split:
    """Split rows by their article.

    The held-out tenth is the same whatever `part` is; the rest falls into two halves that share no article. Where
    chance leaves no article below 0.1 (a handful of articles), the one with the lowest place is held out.

    Args:
        row_articles: Index into `article_ids` for each row, int64 [rows].
        article_ids: Ids of articles (or of passages' articles, with repeats).
        part: "all", "first half" or "second half".
    """
    used = np.flatnonzero(np.bincount(row_articles, minlength=len(article_ids)))
    place = np.full(len(article_ids), np.inf)
    place[used] = [article_place(article_ids[int(index)]) for index in used]
    border = max(HELD_OUT, float(np.nextafter(place[used].min(), np.inf)))
    middle = border + (1 - border) / 2
    held_out, first = place < border, place < middle
    train = ~held_out & {"all": np.ones_like(first), "first half": first, "second half": ~first}[part]
    return Split(np.flatnonzero(train[row_articles]), np.flatnonzero(held_out[row_articles]))  # one byte a row more


def split_vectors(rows: int, part: str) -> Split:
    """Split bare vectors, each row standing for itself; the same rows are held out in every run.

    Args:
        rows: How many there are.
        part: "all", "first half" or "second half".
    """
    order = np.random.default_rng(0).permutation(rows)
    held_out, rest = np.split(order, [max(1, round(HELD_OUT * rows))])
    half = len(rest) // 2
    train = {"all": rest, "first half": rest[:half], "second half": rest[half:]}[part]
    return Split(np.sort(train), np.sort(held_out))
