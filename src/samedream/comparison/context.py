"""What is known of the passages and the models beside activity. Arrays only; `reading` fills it from a study."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.activity import Csr
from samedream.errors import ComparisonError

Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Peaks:
    """What stands where each stored value of an activity peaks, in the order of its CSR matrix with sorted columns.

    Attributes:
        word: Number of the word (or mark), -1 where none can be told, int32 ``[stored values]``.
        entity: Whether it is part of a name, bool ``[stored values]``.
    """

    word: NDArray[np.int32]
    entity: NDArray[np.bool_]


@dataclass(frozen=True)
class Rung:
    """Dictionaries of the two models of one width, with the same L0: a step of a curve over widths.

    Attributes:
        sides: Side ("left", "right", "left_repeat", "right_repeat") → activity, CSR ``[passages, features]``.
        peaks: Side → its peaks.
        fit: Side → "l0" and "variance_explained" of its dictionary.
    """

    sides: dict[str, Csr]
    peaks: dict[str, Peaks] = field(default_factory=dict)
    fit: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """Everything here may be missing; what rests on it is then None in the result.

    Attributes:
        topics: Number of the passage's topic, -1 where it has none, int64 ``[passages]``.
        topic_names: Name of each topic.
        words: How often each word stands in each passage, CSR ``[passages, words]``, float32.
        word_names: The words.
        flags: Kind of boilerplate ("dates") → whether a passage is of that kind, bool ``[passages]``.
        embedding: Each passage as a neutral embedder sees it, float32 ``[passages, e]``.
        states: Side ("left", "right_floor") → mean hidden state of each passage, float32 ``[passages, d]``; NaN for a
            passage without tokens. A repeat has none: it reads the states of its model.
        decoders: Side → decoder directions, float32 ``[features, d]``, in the units of `states`; no repeats either.
        peaks: Side → what stands at the peaks of its activity.
        fit: Side → "l0" and "variance_explained" of its dictionary.
        widths: Further dictionaries of the two models, a rung for each width.
    """

    topics: NDArray[np.int64] | None = None
    topic_names: tuple[str, ...] = ()
    words: Csr | None = None
    word_names: tuple[str, ...] = ()
    flags: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    embedding: Floats32 | None = None
    states: dict[str, Floats32] = field(default_factory=dict)
    decoders: dict[str, Floats32] = field(default_factory=dict)
    peaks: dict[str, Peaks] = field(default_factory=dict)
    fit: dict[str, dict[str, float]] = field(default_factory=dict)
    widths: tuple[Rung, ...] = ()

    def require_fit(self, passages: int) -> None:
        """Stop before anything is measured where a part is not of these passages.

        Raises:
            ComparisonError: A part has not one row for each passage.
        """
        rows: dict[str, Any] = {"topics": self.topics, **self.flags}
        tables: dict[str, Any] = {"words": self.words, "embedding": self.embedding}
        tables |= {f"states of {side}": states for side, states in self.states.items()}
        for given, axes, expected in ((rows, 1, f"[{passages}]"), (tables, 2, f"[{passages}, width]")):
            for name, value in given.items():
                if value is not None and (value.ndim != axes or value.shape[0] != passages):
                    raise ComparisonError(
                        f"context: {name} has shape {list(value.shape)}, expected {expected}: a row for each passage, "
                        f"in the same order as left's"
                    )
