import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file
from scipy import sparse

from samedream import artifacts
from samedream.comparison.answer import answer
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.run import run
from samedream.comparison.store import load_matches, load_summary, write_answer
from samedream.errors import ComparisonError, CorruptArtifactError, MissingArtifactError, StaleArtifactError
from samedream.labels.store import save_embedding

CONFIG = ComparisonConfig(permutations=20)
SIDES = ("left", "right", "left_repeat", "right_repeat", "left_floor", "right_floor")


def _features(directory, activity, *, states=None, **inputs):
    directory.mkdir(parents=True)
    files = [directory / "activity.npz"]
    sparse.save_npz(files[0], sparse.csr_matrix(activity.astype(np.float32)))
    if states is not None:
        files.append(directory / "states.npy")
        np.save(files[1], states)
    artifacts.finish(directory, "features", {}, inputs=inputs, counts={}, files=files)
    return directory


def _dictionary(directory, features, d):
    directory.mkdir(parents=True)
    path = directory / "sae_weights.safetensors"
    save_file({"W_dec": np.random.default_rng(features).normal(size=(features, d)).astype(np.float32)}, path)
    artifacts.finish(directory, "sae", {}, inputs={}, counts={}, files=[path])
    return directory


def _corpus(directory, blocks):
    directory.mkdir(parents=True)
    columns = {
        "passage_id": [f"p{i}" for i in range(len(blocks))],
        "article_id": [f"en:{b}" for b in blocks],
        "topic": [("Arts", "History", None)[b % 3] for b in blocks],
        "text": [f"Passage {i} of article {b}." for i, b in enumerate(blocks)],
    }
    table = pa.table(columns)
    pq.write_table(table, directory / "passages.parquet")
    artifacts.finish(directory, "corpus", {}, inputs={}, counts={}, files=[directory / "passages.parquet"])
    return directory


@pytest.fixture
def study(planted, tmp_path):
    pair = planted(0.5, seed=5, articles=250, left=60, right=80)
    corpus = _corpus(tmp_path / "corpus", pair.blocks)
    return {"corpus": corpus, **{name: _features(tmp_path / "features" / name, getattr(pair, name)) for name in SIDES}}


def test_run_writes_all_and_the_same_bytes_again(study, tmp_path):
    outs = [tmp_path / name / "a--b" for name in ("one", "two")]
    for out in outs:
        run(out, CONFIG, names=("a", "b"), **study)
    for name in ("matches.parquet", "summary.json", "manifest.json"):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
    summary = load_summary(outs[0])
    assert load_matches(outs[0]).num_rows == 140
    assert summary["models"] == ["a", "b"]
    assert summary["features"] == {"a": 60, "b": 80}
    assert summary["blocks"] == 250
    assert set(summary) == {
        "models", "passages", "blocks", "features", "classes", "universality", "floor", "ceiling", "normalised",
        "shared_fraction", "shared_over_twins", "mean_r", "mean_r_floor", "mean_r_ceiling", "pass_share",
        "repeat_pass_share", "permutation_fdr", "seed_stability", "embedding_similarity", "granularity", "sharing",
        "floor_frozen", "dense", "decoder_cosine", "crosscoder", "structure", "verdict", "method", "notes",
    }  # fmt: skip
    for key in ("universality", "floor", "ceiling", "normalised", "shared_fraction", "shared_over_twins"):
        assert set(summary[key]["a_to_b"]) == {"value", "low", "high", "confidence"}
    assert summary["floor_frozen"] == {"a_to_b": None, "b_to_a": None}  # none was given
    assert "stable" in answer(summary)["verdict"]
    assert str(tmp_path) not in json.dumps(summary)


def test_the_embedding_is_read_when_there_is_one(study, tmp_path):
    embedding, rows = tmp_path / "labels" / "embedding", pq.read_table(study["corpus"] / "passages.parquet").num_rows
    artifacts.finish(embedding, "labels", {}, inputs={}, counts={"passages": 0}, files=[])
    run(tmp_path / "without", CONFIG, names=("a", "b"), **study, embedding=embedding)
    assert load_summary(tmp_path / "without")["embedding_similarity"] == {"a_to_b": None, "b_to_a": None}
    assert load_matches(tmp_path / "without")["embedding_similarity"].null_count == 140
    meaning = np.random.default_rng(0).normal(size=(rows, 8)).astype(np.float32)
    files = [save_embedding(embedding, meaning)]
    artifacts.finish(embedding, "labels", {}, inputs={}, counts={"passages": rows}, files=files)
    bare = {name: path for name, path in study.items() if not name.endswith("_floor")}  # so that many features pass
    run(tmp_path / "with", CONFIG, names=("a", "b"), **bare, embedding=embedding)
    for figures in load_summary(tmp_path / "with")["embedding_similarity"].values():
        assert set(figures) == {"matched", "random", "own"}
    matched = load_matches(tmp_path / "with")
    assert matched["embedding_similarity"].null_count == matched["r"].null_count < 140
    with pytest.raises(StaleArtifactError, match="the input embedding"):
        run(tmp_path / "without", CONFIG, names=("a", "b"), **study, embedding=embedding)


def test_states_and_decoders_are_used_when_they_are_there(study, planted, tmp_path):
    pair = planted(0.5, seed=5, articles=250, left=60, right=80)
    rng = np.random.default_rng(0)
    directories = {"left": (pair.left, 6), "right": (pair.right, 9)}
    given = {
        side: _features(
            tmp_path / "with states" / side, activity, states=rng.normal(size=(activity.shape[0], d)).astype(np.float32)
        )
        for side, (activity, d) in directories.items()
    }
    dictionaries = {side: _dictionary(tmp_path / "sae" / side, x.shape[1], d) for side, (x, d) in directories.items()}
    out = tmp_path / "out"
    run(out, CONFIG, names=("a", "b"), **(study | given), dictionaries=dictionaries)
    summary, rows = load_summary(out), load_matches(out)
    assert summary["dense"]["measures"]["cka"]["states"]["value"] < 0.1
    assert summary["decoder_cosine"]["a_to_b"]["all"]["features"] == summary["method"]["eligible_features"]["left"]
    assert summary["decoder_cosine"]["a_to_b"]["floors"] == {"to twin": None, "twin to twin": None}  # no twin's decoder
    assert rows["decoder_cosine"].null_count == rows["r"].null_count < 140
    # a study of an older version has neither
    run(tmp_path / "bare", CONFIG, names=("a", "b"), **study)
    summary, rows = load_summary(tmp_path / "bare"), load_matches(tmp_path / "bare")
    assert summary["dense"]["measures"]["cka"]["states"] is None
    assert summary["dense"]["measures"]["cka"]["features"]["value"] > 0
    assert summary["decoder_cosine"] == {"a_to_b": None, "b_to_a": None}
    assert rows["decoder_cosine"].null_count == 140


def test_a_finished_comparison_is_left_alone(study, tmp_path):
    out = tmp_path / "a--b"
    run(out, CONFIG, names=("a", "b"), **study)
    before = (out / "summary.json").stat().st_mtime_ns
    run(out, CONFIG, names=("a", "b"), **study)
    assert (out / "summary.json").stat().st_mtime_ns == before
    with pytest.raises(StaleArtifactError, match="the setting permutations = 20, now it is 30"):
        run(out, ComparisonConfig(permutations=30), names=("a", "b"), **study)
    with pytest.raises(StaleArtifactError, match="the input left_repeat"):
        run(out, CONFIG, names=("a", "b"), **{name: path for name, path in study.items() if name != "left_repeat"})


def test_an_interrupted_run_leaves_nothing_that_counts(study, tmp_path, monkeypatch):
    out = tmp_path / "a--b"
    with monkeypatch.context() as patch:
        patch.setattr("samedream.comparison.store.write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(out, CONFIG, names=("a", "b"), **study)
    assert not (out / "manifest.json").exists()
    run(out, CONFIG, names=("a", "b"), **study)
    undisturbed = tmp_path / "other"
    run(undisturbed, CONFIG, names=("a", "b"), **study)
    for name in ("matches.parquet", "summary.json", "manifest.json"):
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes()


def test_the_answer_is_of_whole_summaries_of_finished_comparisons(study, tmp_path):
    out, path = tmp_path / "a--b", tmp_path / "answer.json"
    run(out, CONFIG, names=("a", "b"), **study)
    whole, manifest = (out / "summary.json").read_bytes(), (out / "manifest.json").read_bytes()
    (out / "manifest.json").unlink()  # interrupted just before the end
    write_answer(path, [out], tmp_path / "all")
    assert not path.exists()
    (out / "manifest.json").write_bytes(manifest)
    (out / "summary.json").write_bytes(whole[:1000])
    with pytest.raises(
        CorruptArtifactError, match=r"summary\.json does not fit its checksum .*delete .*a--b and rerun"
    ):
        write_answer(path, [out], tmp_path / "all")
    (out / "summary.json").write_bytes(whole)
    write_answer(path, [out], tmp_path / "all")
    assert json.loads(path.read_bytes()) == answer(load_summary(out))


def test_other_passages_are_refused(study, tmp_path, planted):
    other = planted(0.5, seed=6, articles=200, left=60, right=80)
    wrong = _features(tmp_path / "features" / "wrong", other.right)
    with pytest.raises(ComparisonError) as error:
        run(tmp_path / "out", CONFIG, names=("a", "b"), **study | {"right": wrong})
    rows = pq.read_table(study["corpus"] / "passages.parquet").num_rows
    assert str(error.value) == (
        f"{wrong} has {other.right.shape[0]} passages, {study['corpus']} has {rows}: they are not of one corpus. "
        f'Delete {wrong} and rerun "samedream features DIR"'
    )
    foreign = _features(tmp_path / "features" / "foreign", sparse.csr_array((rows, 9)), corpus="0" * 64)
    with pytest.raises(StaleArtifactError) as error:
        run(tmp_path / "out", CONFIG, names=("a", "b"), **study | {"right": foreign})
    assert str(error.value) == (
        f"{foreign} was made from another corpus than {study['corpus']}: the passages differ. Delete {foreign} and "
        f'rerun "samedream features DIR"'
    )


def test_missing_and_damaged_inputs(study, tmp_path):
    with pytest.raises(MissingArtifactError, match="is not finished"):
        run(tmp_path / "out", CONFIG, names=("a", "b"), **study | {"right": tmp_path / "nothing"})
    path = study["left"] / "activity.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptArtifactError, match="does not fit its checksum"):
        run(tmp_path / "out", CONFIG, names=("a", "b"), **study)


def test_dictionaries_of_other_widths_make_curves(study, tmp_path, planted):
    def reader(name, activity):
        features, sae = _features(tmp_path / "features" / name, activity), tmp_path / "sae" / name
        sae.mkdir(parents=True)
        metrics = [{"key": "l0", "value": 32.0}, {"key": "variance_explained", "value": 0.75}]
        rest = {"name": "", "low": None, "high": None, "healthy": None, "advice": "", "meaning": ""}
        (sae / "health.json").write_text(json.dumps({"rows": 9, "metrics": [rest | m for m in metrics]}))
        return features, sae

    pair = planted(1.0, seed=5, articles=250, left=40, right=40)
    widths = {40: {name: reader(f"{name}.w40", getattr(pair, name)) for name in SIDES[:4]}}
    out = tmp_path / "a--b"
    run(out, CONFIG, names=("a", "b"), widths=widths, **study)
    found = load_summary(out)["granularity"]
    assert [curve["width"] for curve in found["curves"]] == [[40, 40], [60, 80]]
    assert found["curves"][0]["fit"] == {side: {"l0": 32.0, "variance_explained": 0.75} for side in ("a", "b")}
    assert found["verdict"] is None
    assert found["why"].startswith("1 width can be judged, at least 2 are needed")
    assert answer(load_summary(out))["granularity"]["why"] == found["why"]
    with pytest.raises(StaleArtifactError, match="the input .*_w40"):
        run(out, CONFIG, names=("a", "b"), **study)


def test_words_at_the_peaks_are_read_from_the_texts(study, tmp_path):
    for side in ("left", "right"):
        directory = study[side]
        activity = sparse.load_npz(directory / "activity.npz")
        start = np.full(activity.nnz, len("Passage "), np.uint32)  # every feature peaks on the passage's number
        np.savez(directory / "peaks.npz", start=start, end=start + 1)
        files = [directory / "activity.npz", directory / "peaks.npz"]
        artifacts.finish(directory, "features", {}, inputs={}, counts={}, files=files)
    run(tmp_path / "a--b", CONFIG, names=("a", "b"), **study)
    for row in load_matches(tmp_path / "a--b").to_pylist():
        if row["passages"]:
            assert row["entity_share"] == 0.0
            # each passage has a number of its own, so it spreads over words at least as far as over articles
            assert row["effective_words"] >= row["effective_articles"] - 1e-9
