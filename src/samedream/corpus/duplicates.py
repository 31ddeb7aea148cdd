"""Near-duplicates by MinHash over three-word shingles (Broder, 1997, "On the resemblance and containment …").

Passages are offered in the order of their sampling keys; the first of two alike stays. 32 minima in 8 bands of 4 find
candidates (two passages with resemblance .7 share a band with probability .89, with .85 of .997), and the exact
resemblance decides.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_TOKEN = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\d_]+|\d+")
_SHINGLE = 3
_BANDS, _ROWS = 8, 4
_MIN_RESEMBLANCE = 0.7
_ODD = np.random.Generator(np.random.PCG64(1997)).integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64) | np.uint64(1)
_BATCH = 2_000


def normalised(text: str) -> str:
    """The words of a text, folded, every number as "0": equal for texts that differ only in case, marks and numbers."""
    return " ".join("0" if token.isdigit() else token for token in _TOKEN.findall(text.casefold()))


def shingles(texts: Sequence[str]) -> "tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]":
    """Hashes of the three-word sequences of texts, one a word: the last two words of a text are followed by blanks.

    Returns:
        All hashes one after another, uint64, and where those of each text start, int64, with the end as the last entry.
    """
    blanks = [0] * (_SHINGLE - 1)
    words: list[int] = []
    starts = [0]
    places: list[int] = []
    for text in texts:
        hashed = [zlib.crc32(word.encode()) for word in normalised(text).split()] or [0]
        places += range(len(words), len(words) + len(hashed))
        words += hashed
        words += blanks
        starts.append(starts[-1] + len(hashed))
    flat = np.array(words, dtype=np.uint64)
    at = np.array(places, dtype=np.int64)
    mixed = np.zeros(len(at), dtype=np.uint64)
    for place in range(_SHINGLE):
        mixed = (mixed ^ flat[at + place]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed, np.array(starts, dtype=np.int64)


def resemblance(left: "npt.NDArray[np.uint64]", right: "npt.NDArray[np.uint64]") -> float:
    """Jaccard similarity of two sets of shingles."""
    one, other = np.unique(left), np.unique(right)
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


class Sketch(NamedTuple):
    """What is compared of a text: its shingles, uint64, and its 8 band keys, each four of its 32 minima."""

    shingles: "npt.NDArray[np.uint64]"
    bands: list[bytes]


def sketches(texts: Sequence[str]) -> Iterator[Sketch]:
    """The sketches of texts, in batches. Hash function i multiplies by the odd number i and folds the high bits."""
    for first in range(0, len(texts), _BATCH):
        flat, starts = shingles(texts[first : first + _BATCH])
        minima = np.empty((len(starts) - 1, _BANDS * _ROWS), dtype=np.uint64)
        for column, odd in enumerate(_ODD):
            hashed = flat * odd
            hashed ^= hashed >> np.uint64(32)
            minima[:, column] = np.minimum.reduceat(hashed, starts[:-1])
        band_bytes = _ROWS * minima.itemsize
        for row in range(len(minima)):
            raw = minima[row].tobytes()
            keys = [raw[at : at + band_bytes] for at in range(0, len(raw), band_bytes)]
            yield Sketch(flat[starts[row] : starts[row + 1]].copy(), keys)


class NearDuplicates:
    """The texts kept so far, to which new ones are held. Memory grows with what is kept, not with the source."""

    def __init__(self) -> None:
        """Nothing kept yet."""
        self._bands: list[dict[bytes, int]] = [{} for _ in range(_BANDS)]
        self._kept: list[npt.NDArray[np.uint64]] = []

    def is_new(self, sketch: Sketch) -> bool:
        """Whether a text resembles none of those kept. It is not kept by asking."""
        rivals = {known[key] for known, key in zip(self._bands, sketch.bands, strict=True) if key in known}
        return all(resemblance(sketch.shingles, self._kept[rival]) < _MIN_RESEMBLANCE for rival in rivals)

    def keep(self, sketch: Sketch) -> None:
        """Keep a text; the first with a band key stands for all that share it."""
        for known, key in zip(self._bands, sketch.bands, strict=True):
            known.setdefault(key, len(self._kept))
        self._kept.append(sketch.shingles)
