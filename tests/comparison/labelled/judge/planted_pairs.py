"""Two models that see planted words: what is shown is the word's passages, so a judge who reads can know."""

import numpy as np
import pyarrow as pa
from scipy import sparse

from samedream.comparison.activity import prepare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.labelled.judge.cases import ground
from samedream.comparison.labelled.judge.readers import Reader

CONFIG = ComparisonConfig(min_passages=20)
CONCEPTS, SHARED, PASSAGES = 40, 30, 900


class Pair:
    """Left sees words 0 to 39, right words 0 to 29 and ten of its own; the repeats see what their models see."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.article = np.repeat(np.arange(PASSAGES // 2), 2)
        words = np.array([rng.choice(CONCEPTS + 10, 3, replace=False) for _ in range(PASSAGES)])
        self.texts = [" ".join(f"word{w:02d}" for w in row) for row in words]
        self.held_out = self.article % 5 < 2
        self.ground = ground(self.article, self.held_out, 0)
        self.embedding = np.zeros((PASSAGES, CONCEPTS + 10), np.float32)
        np.put_along_axis(self.embedding, words, 1.0, axis=1)
        seen = {"left": np.arange(CONCEPTS), "right": np.r_[np.arange(SHARED), CONCEPTS + np.arange(10)]}
        self.readers = {}
        for name in ("left", "right", "left_repeat", "right_repeat"):
            self.readers[name] = self._reader(rng, words, seen[name.removesuffix("_repeat")], name)
        self.twins = {}
        for name in ("left_floor", "right_floor"):  # they see words that stand in no passage's text
            self.twins[name] = self._reader(rng, rng.permutation(words), np.arange(CONCEPTS), name)
        self.matches = pa.table({"side": ["a"] * 40 + ["b"] * 40, **self._columns()})

    def _reader(self, rng, words, seen, name):
        dense = np.zeros((PASSAGES, seen.size), np.float32)
        starts = np.zeros((PASSAGES, seen.size), np.uint32)
        for feature, word in enumerate(seen):
            row, place = np.nonzero(words == word)
            dense[row, feature] = 1 + rng.random(row.size)
            starts[row, feature] = 7 * place
        activity = sparse.csr_array(dense)
        start = starts[np.repeat(np.arange(PASSAGES), np.diff(activity.indptr)), activity.indices]
        return Reader(prepare(activity, name, CONFIG), (start, start + 6))

    def _columns(self):
        shared = [i < SHARED for i in range(40)] * 2
        return {
            "feature": [*range(40)] * 2,
            "partner": pa.array([i if s else 0 for i, s in zip([*range(40)] * 2, shared, strict=True)], pa.int32()),
            "r": [0.85 if s else 0.05 for s in shared],
            "q_value": [0.01 if s else 0.9 for s in shared],
            "repeat_r": [0.95] * 80,
            "repeat_passes": [True] * 80,
            "floor_r": [0.05] * 80,
        }
