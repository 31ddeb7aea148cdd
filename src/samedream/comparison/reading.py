"""Fills a `Context` from a study's directories."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from samedream import artifacts
from samedream.comparison.context import Context

PASSAGES = "passages.parquet"


def read_context(corpus: Path) -> Context:
    """What a study knows of its passages.

    Args:
        corpus: The study's ``corpus``.
    """
    topic = pq.read_table(artifacts.verify(corpus, PASSAGES), columns=["topic"])["topic"].to_pylist()
    names = sorted({name for name in topic if name is not None})
    if not names:
        return Context()
    number = {name: i for i, name in enumerate(names)}
    return Context(topics=np.array([number.get(name, -1) for name in topic], dtype=np.int64), topic_names=tuple(names))
