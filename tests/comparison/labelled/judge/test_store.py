"""From directories to a judgement and back to a directory."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import sparse
from tests.comparison.labelled.judge.planted_pairs import CONFIG, Pair

from samedream import artifacts
from samedream.comparison.labelled.judge.judge import judge
from samedream.comparison.labelled.judge.store import JUDGED, PICTURE, judge_pair, save_judgement
from samedream.corpus.store import save_passages
from samedream.errors import CorruptArtifactError
from samedream.features.store import ACTIVITY, PEAKS, save_arrays
from samedream.records import Passage


@pytest.fixture(scope="module")
def pair():
    return Pair()


@pytest.fixture
def study(pair, tmp_path):
    passages = [
        Passage(f"p{i}", f"a{a:04d}", "", "", "text", "en", None, text, "score" if held_out else "label")
        for i, (a, text, held_out) in enumerate(zip(pair.article, pair.texts, pair.held_out, strict=True))
    ]
    path = save_passages(tmp_path / "corpus", passages)
    artifacts.finish(tmp_path / "corpus", "corpus", {}, inputs={}, counts={}, files=[path])
    features = {}
    for name, reader in pair.readers.items():
        features[name] = tmp_path / name
        features[name].mkdir()
        sparse.save_npz(features[name] / ACTIVITY, sparse.csr_matrix(reader.activity.raw))
        save_arrays(features[name] / PEAKS, {"start": reader.peaks[0], "end": reader.peaks[1]})
        files = [features[name] / file for file in (ACTIVITY, PEAKS)]
        artifacts.finish(features[name], "features", {}, inputs={}, counts={}, files=files)
    return features, tmp_path / "corpus"


def test_a_study_is_judged_as_its_arrays_are(study, pair, tmp_path):
    features, corpus = study
    found = judge_pair(features, pair.matches, corpus, embedding=pair.embedding, ask=None, config=CONFIG)
    given = {"texts": pair.texts, "embedding": pair.embedding, "ask": None, "seed": CONFIG.seed}
    assert found.table.equals(judge(pair.readers, pair.matches, pair.ground, **given).table)
    files = save_judgement(tmp_path / "out", found)
    assert [file.name for file in files] == [JUDGED, PICTURE]
    assert pq.read_table(files[0]).equals(found.table)
    assert files[1].read_text(encoding="utf-8") == found.picture
    blind = judge_pair(features, pair.matches, corpus, embedding=None, ask=None, config=CONFIG)
    assert [file.name for file in save_judgement(tmp_path / "blind", blind)] == [JUDGED]


def test_peaks_of_another_activity_are_an_error(study, pair):
    features, corpus = study
    path = features["right"] / PEAKS
    save_arrays(path, {"start": np.zeros(3, np.uint32), "end": np.ones(3, np.uint32)})
    files = [features["right"] / file for file in (ACTIVITY, PEAKS)]
    artifacts.finish(features["right"], "features", {}, inputs={}, counts={}, files=files)
    with pytest.raises(CorruptArtifactError, match=r"peaks.npz holds 3 spans for \d+ values; delete .*right and rerun"):
        judge_pair(features, pair.matches, corpus, embedding=None, ask=None, config=CONFIG)
