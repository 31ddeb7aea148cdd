"""The whole pass against a naive reference that holds everything in memory."""

import io

import numpy as np
import pytest
from scipy import sparse

from samedream.features.candidates import article_index
from samedream.features.config import FeaturesConfig
from samedream.features.reading import read
from samedream.features.spill import save_activity, spilling
from samedream.features.states import StateMeans
from samedream.features.tables import exemplars, feature_table

CONFIG = FeaturesConfig(top=3, middle=2, weak=2, near_miss=2, seed=7)


def everything(store, directory, cuts=(), config=CONFIG):
    article = article_index(store.article_ids)
    with spilling(directory, len(article)) as spill:
        reading = read(
            store.shards(cuts=cuts),
            store.dictionary,
            spill,
            states=StateMeans(io.BytesIO(), len(article), store.d_model),
            features=store.dictionary.d_sae,
            article=article,
            config=config,
            rows=store.rows(),
        )
        table = feature_table(reading, spill, article)
        shown = exemplars(reading, spill, store.passage_ids, article=article, config=config)
        save_activity(spill, store.dictionary.d_sae, activity=directory / "a.npz", peaks=directory / "p.npz")
    return table, shown, (directory / "a.npz").read_bytes(), (directory / "p.npz").read_bytes()


@pytest.fixture(params=[0, 1, 2])
def store(request, make_store):
    return make_store(seed=request.param)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr("samedream.features.reading.block_rows", lambda features: 16)
    monkeypatch.setattr("samedream.features.spill._CHUNK", 37)  # several chunks in the second pass


def by_passage(store):
    """Passage → (rows, activations of its rows)."""
    acts = store.activations()
    for p in range(len(store.passage_ids)):
        rows = np.flatnonzero(store.passage == p)
        yield p, rows, acts[rows]


def test_activity_and_peaks(store, tmp_path):
    everything(store, tmp_path)
    found = sparse.load_npz(tmp_path / "a.npz")
    peaks = np.load(tmp_path / "p.npz")
    assert found.dtype == np.float32 and found.shape == (40, 16) and found.has_sorted_indices
    assert peaks["start"].dtype == np.uint32
    dense, spans = found.toarray(), {}
    for p in range(40):
        for j in range(found.indptr[p], found.indptr[p + 1]):
            spans[p, int(found.indices[j])] = (int(peaks["start"][j]), int(peaks["end"][j]))
    for p, rows, acts in by_passage(store):
        expected = acts.max(axis=0) if len(rows) else np.zeros(16)
        assert dense[p].tolist() == expected.tolist()
        for f in np.flatnonzero(expected):
            row = rows[acts[:, f].argmax()]
            assert spans.pop((p, int(f))) == (store.start[row], store.end[row])
    assert not spans
    assert found[3].nnz == 0  # the passage without tokens is an empty row
    peaks.close()


def test_feature_table(store, tmp_path):
    table, *_ = everything(store, tmp_path)
    acts = store.activations()
    assert [str(table.schema.field(name).type) for name in table.column_names[:-1]] == [
        "int32",
        "int64",
        "int64",
        "double",
        "double",
        "float",
        "float",
        "bool",
    ]
    assert str(table.schema.field("histogram").type.value_type) == "int64"
    for row in table.to_pylist():
        a = acts[:, row["feature"]]
        fires = a[a > 0]
        where = sorted({int(store.passage[i]) for i in np.flatnonzero(a > 0)})
        assert row["passages"] == len(where)
        assert row["articles"] == len({store.article_ids[p] for p in where})
        assert row["firing_rate"] == len(where) / 40
        assert row["token_density"] == len(fires) / len(a)
        assert row["dead"] == (len(fires) == 0)
        assert row["max"] == (fires.max() if len(fires) else 0)
        assert row["mean"] == np.float32(fires.astype(float).mean() if len(fires) else 0)
        bins = [0] * 20
        for v in fires.tolist():  # bin i is (i/20, (i+1)/20] of the maximum
            bins[next(i for i in range(20) if v * 20 <= (i + 1) * float(fires.max()))] += 1
        assert row["histogram"] == bins
    assert table["dead"][5].as_py()


def test_exemplars(store, tmp_path):
    _, shown, *_ = everything(store, tmp_path)
    acts = store.activations()
    maximum = acts.max(axis=0)
    index = {name: i for i, name in enumerate(store.passage_ids)}
    pre = store.dictionary.pre_activations(store.vectors_all).numpy()
    rows = {p: np.flatnonzero(store.passage == p) for p in range(40)}
    strata = {f: {} for f in range(16)}
    for e in shown.to_pylist():
        strata[e["feature"]].setdefault(e["stratum"], []).append(e)
    assert not strata[5]  # dead: no exemplars
    for f, by in strata.items():
        if f == 5:
            continue
        ordered = [e for s in ("top", "middle", "weak", "near miss") for e in by.get(s, [])]
        assert [e["rank"] for e in ordered] == list(range(len(ordered)))
        articles = [store.article_ids[index[e["passage_id"]]] for e in ordered]
        assert len(set(articles)) == len(articles)
        # top: best passage of each article, then the three best articles
        best = {}
        for p, r in rows.items():
            if len(r) and acts[r, f].max() > 0:
                a = store.article_ids[p]
                best[a] = max(best.get(a, (0, 0)), (float(acts[r, f].max()), -p))
        expected = sorted(best.values(), reverse=True)[:3]
        assert [(e["value"], -index[e["passage_id"]]) for e in by["top"]] == expected
        for e in ordered:
            r = rows[index[e["passage_id"]]]
            on = [i for i in r if acts[i, f] > 0]
            assert e["span_starts"] == store.start[on].tolist()
            assert e["span_ends"] == store.end[on].tolist()
            assert e["span_values"] == acts[on, f].tolist()
            if e["stratum"] == "near miss":
                assert e["value"] == 0 and not on
                assert e["peak_start"] == store.start[r[pre[r, f].argmax()]]
            else:
                assert e["value"] == acts[r, f].max()
                assert e["peak_start"] == store.start[r[acts[r, f].argmax()]]
                assert e["peak_end"] == e["peak_start"] + 4
        assert all(0.4 <= e["value"] / maximum[f] < 0.6 for e in by.get("middle", []))
        assert all(0.05 <= e["value"] / maximum[f] < 0.2 for e in by.get("weak", []))
        # near misses: the best articles not taken, by pre-activation among passages that do not fire
        taken = set(articles) - {store.article_ids[index[e["passage_id"]]] for e in by.get("near miss", [])}
        silent = {}
        for p, r in rows.items():
            a = store.article_ids[p]
            if len(r) and not (acts[r, f] > 0).any() and a not in taken:
                silent[a] = max(silent.get(a, (-np.inf, 0)), (float(pre[r, f].max()), -p))
        expected = [-p for _, p in sorted(silent.values(), reverse=True)[:2]]
        assert [index[e["passage_id"]] for e in by.get("near miss", [])] == expected


@pytest.mark.parametrize("cuts", [[1], [50], [7, 7, 30, 31, 90], list(range(1, 100))])
def test_same_results_whatever_the_sharding(store, tmp_path, cuts):
    cuts = [min(c, store.rows()) for c in cuts]
    whole, cut = everything(store, tmp_path / "whole"), everything(store, tmp_path / "cut", cuts)
    assert whole[0].equals(cut[0]) and whole[1].equals(cut[1])
    assert whole[2:] == cut[2:]


def test_middle_and_weak_are_a_sample_that_the_seed_chooses(make_store, tmp_path):
    store = make_store(passages=300, articles=300, seed=5)
    picks = set()
    for seed in (1, 2, 1):
        config = CONFIG.model_copy(update={"seed": seed})
        _, shown, *_ = everything(store, tmp_path, config=config)
        picks.add(tuple(shown["passage_id"].to_pylist()))
    assert len(picks) == 2


def test_one_row_per_passage(make_store, tmp_path):
    store = make_store(passages=30, articles=30)
    keep = np.flatnonzero(np.diff(store.passage, prepend=-1))
    store.passage, store.start, store.end = store.passage[keep], store.start[keep], store.end[keep] + 90
    store.vectors_all = store.vectors_all[keep]
    table, shown, *_ = everything(store, tmp_path)
    found = sparse.load_npz(tmp_path / "a.npz").toarray()
    assert found[store.passage].tolist() == store.activations().tolist()
    assert table["token_density"].to_numpy() == pytest.approx(table["passages"].to_numpy() / len(keep))
    assert {len(e["span_starts"]) for e in shown.to_pylist()} <= {0, 1}


def test_nothing_fires_at_all(make_store, tmp_path):
    store = make_store()
    store.dictionary.b_enc -= 1000
    table, shown, *_ = everything(store, tmp_path)
    assert all(table["dead"].to_pylist()) and len(shown) == 0
    assert sparse.load_npz(tmp_path / "a.npz").nnz == 0


def test_no_raw_file_is_left(store, tmp_path):
    everything(store, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "p.npz"]
    store.dictionary.activate = None  # the pass breaks
    with pytest.raises(TypeError):
        everything(store, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "p.npz"]


def test_memory_does_not_grow_with_the_passages(make_store, tmp_path):
    store = make_store(passages=600, articles=600)
    article = article_index(store.article_ids)
    with spilling(tmp_path, 600) as spill:
        reading = read(
            store.shards(),
            store.dictionary,
            spill,
            states=StateMeans(io.BytesIO(), 600, store.d_model),
            features=16,
            article=article,
            config=CONFIG,
            rows=store.rows(),
        )
    assert CONFIG.exemplars == 9
    assert reading.top.bound == reading.near.bound == 2 * 16 * 9
    assert 0 < reading.top.most_held <= reading.top.bound
    assert 0 < reading.near.most_held <= reading.near.bound
