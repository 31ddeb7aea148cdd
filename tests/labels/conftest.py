"""A planted corpus: short passages on four topics, and features that fire by a known rule."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from samedream import artifacts
from samedream.corpus.store import save_passages
from samedream.features.store import ACTIVITY, FEATURES, PEAKS, save_arrays
from samedream.labels.store import save_embedding
from samedream.records import Passage

TOPICS = {
    "Science": "atom molecule electron energy reaction theory particle quantum laboratory experiment neutron crystal "
    "vacuum enzyme proton isotope spectrum catalyst magnet plasma photon gravity polymer entropy",
    "Arts": "canvas sculpture fresco gallery portrait mural palette studio pigment exhibition etching opera sonata "
    "ballet theatre novel poem symphony chorus mosaic easel libretto lyric drama",
    "Sport": "league striker goal tournament referee stadium coach trophy sprint relay marathon hurdle javelin tackle "
    "penalty jersey medal champion podium racket cricket umpire rowing boxing",
    "Nature": "river forest glacier valley mountain lagoon meadow canyon delta reef island desert volcano swamp cliff "
    "waterfall prairie tundra estuary dune gorge peninsula plateau cave",
}
SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va"]  # names
PAINT = ["painter", "painting", "painted", "paint"]


def make_passages(n=400, seed=0, topics=True):
    """Passages of about 20 words; one in thirty has "chess", one in five a year, one in seven a word of painting."""
    rng = np.random.default_rng(seed)
    passages = []
    for i in range(n):
        topic = list(TOPICS)[rng.integers(4)]
        words = [*rng.choice(TOPICS[topic].split(), 4, replace=False)]
        words += ["the"] * int(rng.integers(1, 4)) + ["of", "was"] * int(rng.integers(1, 3))
        words += ["".join(rng.choice(SYLLABLES, 3)) for _ in range(5)]
        words += ["chess"] * int(rng.random() < 0.035)
        words += [str(rng.integers(1801, 2020))] * int(rng.random() < 0.2)
        words += [str(rng.choice(PAINT))] * int(rng.random() < 0.15)
        rng.shuffle(words)
        text = ", ".join([" ".join(words[:8]), " ".join(words[8:])]) + "."
        text = text[0].upper() + text[1:]
        fold = "score" if rng.random() < 0.4 else "label"
        passages.append(
            Passage(
                f"p{i}", f"en:{i}", f"Title {i}", "Abstract", "abstract", "en", topic if topics else None, text, fold
            )
        )
    return passages


RULES = ["chess", "year", "Science", "the", "comma", "dead", "rare", "score only", "first word", "dense", "painting"]


def fires(rule, i, passage, rng):
    """Spans on which the rule's feature fires in a passage, or none."""
    text = passage.text
    spans = [m.span() for m in re.finditer(r"\w+", text)]
    anywhere = spans[rng.integers(1, len(spans) - 1)]
    match rule:
        case "chess" | "the":
            return [m.span() for m in re.finditer(rf"\b{rule}\b", text, re.I)]
        case "year":
            return [m.span() for m in re.finditer(r"\b(?:1[89]|20)\d\d\b", text)]
        case "painting":  # fires on a part of the word, as a word piece does
            return [(m.start(), m.start() + 5) for m in re.finditer("paint", text, re.I)]
        case "comma":
            return [m.span() for m in re.finditer(",", text)]
        case "Science":
            return [anywhere] if passage.topic == "Science" else []
        case "first word":
            return [spans[0]] if i % 3 == 0 else []
        case "dense":
            return [anywhere] if i % 10 else []
        case "score only":
            return [anywhere] if passage.fold == "score" else []
        case "rare":
            return [anywhere] if i in (40, 41, 42, 43) else []
    return []


@dataclass
class Planted:
    passages: list
    activity: sparse.csr_matrix
    peaks: tuple


def plant(passages, seed=1):
    rng = np.random.default_rng(seed)
    rows, columns, values, starts, ends = [], [], [], [], []
    for i, passage in enumerate(passages):
        for f, rule in enumerate(RULES):
            spans = fires(rule, i, passage, rng)
            if spans:
                start, end = spans[0]
                rows.append(i)
                columns.append(f)
                values.append(1 + rng.random())
                starts.append(start)
                ends.append(end)
    shape = (len(passages), len(RULES))
    activity = sparse.csr_matrix((np.array(values, np.float32), (rows, columns)), shape=shape)
    assert activity.nnz == len(values)
    return Planted(passages, activity, (np.array(starts, np.uint32), np.array(ends, np.uint32)))


def write_features(directory, planted, peaks=None):
    directory.mkdir(parents=True)
    sparse.save_npz(directory / ACTIVITY, planted.activity)
    start, end = planted.peaks if peaks is None else peaks
    save_arrays(directory / PEAKS, {"start": start, "end": end})
    fired = np.bincount(planted.activity.indices, minlength=planted.activity.shape[1])
    pq.write_table(
        pa.table({"feature": np.arange(len(fired), dtype=np.int32), "dead": fired == 0}), directory / FEATURES
    )
    artifacts.finish(
        directory,
        "features",
        {},
        inputs={},
        counts={},
        files=[directory / name for name in (ACTIVITY, PEAKS, FEATURES)],
    )
    return directory


def write_corpus(directory, passages):
    path = save_passages(directory, passages)
    artifacts.finish(directory, "corpus", {}, inputs={}, counts={}, files=[path])
    return directory


def write_embedding(directory, embedding=None):
    """The embedding of a study; without one, what is left where there was no embedder."""
    files = [] if embedding is None else [save_embedding(directory, embedding)]
    artifacts.finish(directory, "labels", {}, inputs={}, counts={}, files=files)
    return directory


@pytest.fixture(scope="session")
def planted():
    return plant(make_passages())


@pytest.fixture
def tools():
    """The builders above, for tests that change something."""

    class Tools:
        make_passages = staticmethod(make_passages)
        plant = staticmethod(plant)
        write_features = staticmethod(write_features)
        write_corpus = staticmethod(write_corpus)
        write_embedding = staticmethod(write_embedding)
        rules = RULES
        topics = TOPICS

    return Tools
