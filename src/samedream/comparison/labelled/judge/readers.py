"""What a judge's cases are drawn from, and how their passages are shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.activity import Activity
from samedream.labels.asked.marks import marked, peak_word


@dataclass(frozen=True)
class Reader:
    """A dictionary's activity, and where each stored value peaks: first character and the one after it."""

    activity: Activity
    peaks: tuple[NDArray[np.uint32], NDArray[np.uint32]]

    def span(self, passage: int, feature: int) -> tuple[int, int]:
        """Where a feature peaks in a passage in which it fires."""
        raw = self.activity.raw
        first, beyond = raw.indptr[passage], raw.indptr[passage + 1]
        at = int(first) + int(np.flatnonzero(raw.indices[first:beyond] == feature)[0])
        return int(self.peaks[0][at]), int(self.peaks[1][at])


@dataclass(frozen=True)
class Shown:
    """Shows passages of the asking side ("own") and of the other, the word at the peak marked."""

    readers: tuple[Reader, Reader]
    texts: Sequence[str]

    def __call__(self, side: str, passage: int, feature: int) -> str:
        """The passage on one line."""
        text = self.texts[passage]
        return marked(text, peak_word(text, self.readers[side == "other"].span(passage, feature)))
