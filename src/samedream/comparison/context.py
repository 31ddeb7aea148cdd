"""What is known of the passages and the models beside activity. Arrays only; `reading` fills it from a study."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.activity import Csr

Floats32 = NDArray[np.float32]


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
        decoders: Side ("left", "right") → decoder directions, float32 ``[features, d]``, in the units of `states`.
    """

    topics: NDArray[np.int64] | None = None
    topic_names: tuple[str, ...] = ()
    words: Csr | None = None
    word_names: tuple[str, ...] = ()
    flags: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    embedding: Floats32 | None = None
    states: dict[str, Floats32] = field(default_factory=dict)
    decoders: dict[str, Floats32] = field(default_factory=dict)
