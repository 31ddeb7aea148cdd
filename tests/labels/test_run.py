import numpy as np
import pytest

from samedream import artifacts
from samedream.errors import (
    CorpusError,
    CorruptArtifactError,
    MissingArtifactError,
    StaleArtifactError,
)
from samedream.labels import run
from samedream.labels.config import LabelsConfig
from samedream.labels.store import load_embedding, load_labels, load_summary, load_trials
from samedream.records import Passage


@pytest.fixture
def study(tools, planted, tmp_path):
    features = tools.write_features(tmp_path / "features", planted)
    corpus = tools.write_corpus(tmp_path / "corpus", planted.passages)
    return {"features": features, "corpus": corpus, "embedding": tools.write_embedding(tmp_path / "embedding")}


LABEL_COLUMNS = (
    "feature label keywords keyword_scores rule_terms rule_weights trigger_words next_words topics topic_shares titles "
    "kind status"
).split()


def labelled(out, study, rules, config=None):
    run.run(out, config or LabelsConfig(), **study)
    return {rules[row["feature"]]: row for row in load_labels(out).to_pylist()}


def test_planted_features_get_labels_that_name_their_rule(study, tools, tmp_path):
    rows = labelled(tmp_path / "labels", study, tools.rules)
    assert rows["chess"]["label"].split(", ")[0] == "chess"
    assert rows["chess"]["kind"] == "word"
    assert rows["chess"]["trigger_words"] == ["chess"]
    assert rows["year"]["label"].startswith("years (") and rows["year"]["kind"] == "word family"
    assert rows["the"]["label"] == 'word "the"' and rows["the"]["kind"] == "word"
    assert rows["comma"]["label"] == 'punctuation ","' and rows["comma"]["kind"] == "punctuation"
    science = tools.topics["Science"].split()
    assert rows["Science"]["kind"] == "topic"
    assert all(word in science for word in rows["Science"]["label"].split(", "))
    assert rows["Science"]["topics"] == ["Science"] and rows["Science"]["topic_shares"] == [1.0]
    family = rows["painting"]
    assert family["kind"] == "word family"
    assert set(family["trigger_words"]) == {"painter", "painting", "painted", "paint"}  # whole words, not "paint"
    assert family["label"].startswith("paint")
    assert rows["first word"]["kind"] == "position"
    assert rows["first word"]["label"].startswith("start of passage")
    assert rows["dense"]["kind"] == "dense"
    for rule in ("chess", "year", "Science", "the", "comma", "painting", "first word", "dense"):
        assert rows[rule]["status"] == "ok"
        assert len(rows[rule]["keywords"]) == len(rows[rule]["keyword_scores"]) <= 10
        assert 0 < len(rows[rule]["titles"]) <= 5
    given = LABEL_COLUMNS
    assert {name: rows["dead"][name] for name in given} == {
        "feature": 5,
        "label": "",
        "keywords": [],
        "keyword_scores": [],
        "rule_terms": [],
        "rule_weights": [],
        "trigger_words": [],
        "next_words": [],
        "topics": [],
        "topic_shares": [],
        "titles": [],
        "kind": "",
        "status": "dead",
    }
    assert rows["dead"]["score_status"] == "dead" and rows["dead"]["rule"] is None and rows["dead"]["badge"] is None
    assert rows["rare"]["status"] == "too rare" and rows["rare"]["label"]
    assert rows["score only"]["status"] == "too rare" and rows["score only"]["label"] == ""


def test_the_score_fold_is_never_used(study, tools, planted, tmp_path):
    """Another text, title, topic and activity in every passage of the score fold: the labels keep their bytes."""
    changed = [
        p
        if p.fold == "label"
        else Passage(
            p.passage_id,
            p.article_id,
            "Leaked",
            p.section,
            p.kind,
            p.language,
            "Leaked",
            "leaked secret leaked secret the chess 1999",
            p.fold,
        )
        for p in planted.passages
    ]
    score = np.array([p.fold == "score" for p in planted.passages])
    activity = planted.activity.copy()
    activity.data[np.repeat(score, np.diff(activity.indptr))] *= 1000
    twin = type(planted)(changed, activity, planted.peaks)
    other = {
        "features": tools.write_features(tmp_path / "features2", twin),
        "corpus": tools.write_corpus(tmp_path / "corpus2", changed),
        "embedding": study["embedding"],
    }
    run.run(tmp_path / "a", LabelsConfig(), **study)
    run.run(tmp_path / "b", LabelsConfig(), **other)
    mine, theirs = (load_labels(tmp_path / side) for side in "ab")
    assert mine.select(LABEL_COLUMNS).equals(theirs.select(LABEL_COLUMNS))
    assert not mine["rule"].equals(theirs["rule"])  # the scores are of that fold, and of that fold alone
    label_titles = {p.article for p in planted.passages if p.fold == "label"}
    for row in load_labels(tmp_path / "a").to_pylist():
        assert set(row["titles"]) <= label_titles


def test_no_topics(tools, tmp_path):
    planted = tools.plant(tools.make_passages(topics=False))
    study = {
        "features": tools.write_features(tmp_path / "features", planted),
        "corpus": tools.write_corpus(tmp_path / "corpus", planted.passages),
        "embedding": tools.write_embedding(tmp_path / "embedding"),
    }
    rows = labelled(tmp_path / "labels", study, tools.rules)
    assert rows["chess"]["label"].startswith("chess")
    assert all(row["topics"] == [] and row["topic_shares"] == [] for row in rows.values())


def test_one_vector_per_passage(study, tools, planted, tmp_path):
    """A peak that is the whole passage is no trigger; the words of the passages still make the label."""
    length = np.array([len(p.text) for p in planted.passages], np.uint32)
    row = np.repeat(np.arange(len(length)), np.diff(planted.activity.indptr))
    peaks = (np.zeros(len(row), np.uint32), length[row])
    study["features"] = tools.write_features(tmp_path / "whole", planted, peaks=peaks)
    rows = labelled(tmp_path / "labels", study, tools.rules)
    assert all(row["trigger_words"] == [] for row in rows.values())
    assert "chess" in rows["chess"]["label"].split(", ")
    assert rows["Science"]["kind"] == "topic"
    assert "position" not in {row["kind"] for row in rows.values()}


def test_settings_are_obeyed(study, tools, tmp_path):
    rows = labelled(tmp_path / "labels", study, tools.rules, LabelsConfig(keywords=4, words=2, min_passages=100))
    assert len(rows["Science"]["keywords"]) == 4
    assert len(rows["Science"]["label"].split(", ")) == 2
    assert rows["chess"]["status"] == "too rare"


def test_done_is_done_and_other_settings_are_an_error(study, tools, tmp_path):
    out = tmp_path / "labels"
    labelled(out, study, tools.rules)
    before = {p.name: p.stat().st_mtime_ns for p in out.iterdir()}
    labelled(out, study, tools.rules)
    assert before == {p.name: p.stat().st_mtime_ns for p in out.iterdir()}
    with pytest.raises(StaleArtifactError, match="the setting words = 3, now it is 5"):
        run.run(out, LabelsConfig(words=5), **study)
    counts = artifacts.require_manifest(out).counts
    assert counts["features"] == 11
    assert counts["status"] == {"ok": 8, "dead": 1, "too rare": 2}


def test_missing_inputs(study, tmp_path):
    with pytest.raises(MissingArtifactError, match="nowhere is not finished"):
        run.run(tmp_path / "labels", LabelsConfig(), **study | {"features": tmp_path / "nowhere"})


def test_passages_that_do_not_fit(study, tools, planted, tmp_path):
    study["corpus"] = tools.write_corpus(tmp_path / "short", planted.passages[:-1])
    with pytest.raises(StaleArtifactError) as error:
        run.run(tmp_path / "labels", LabelsConfig(), **study)
    assert str(error.value) == (
        f"{study['features']} has the activity of 400 passages, but {tmp_path / 'short'} holds 399: they are not of "
        f'the same study. Delete {study["features"]} and rerun "samedream features DIR"'
    )


def test_peaks_that_do_not_fit(study, tools, planted, tmp_path):
    start, end = planted.peaks
    study["features"] = tools.write_features(tmp_path / "cut", planted, peaks=(start[:-1], end[:-1]))
    with pytest.raises(CorruptArtifactError, match=rf"holds {len(start) - 1} spans for {len(start)} values; delete"):
        run.run(tmp_path / "labels", LabelsConfig(), **study)


def test_damaged_activity(study, tmp_path):
    path = study["features"] / "activity.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptArtifactError, match=r"activity\.npz does not fit its checksum"):
        run.run(tmp_path / "labels", LabelsConfig(), **study)
    assert not (tmp_path / "labels").exists()


def test_no_passage_in_the_label_fold(study, tools, planted, tmp_path):
    from msgspec.structs import replace

    study["corpus"] = tools.write_corpus(tmp_path / "scored", [replace(p, fold="score") for p in planted.passages])
    with pytest.raises(CorpusError, match="none of the 400 passages of .* is in the label fold"):
        run.run(tmp_path / "labels", LabelsConfig(), **study)


def test_scores_of_planted_features(study, tools, planted, tiny_models, tmp_path):
    """A label that names its rule is strong where words are the rule; a feature that fires at random has none."""
    config = LabelsConfig(embedder=str(tiny_models["gpt2"]))
    run.run_embedding(tmp_path / "embedded", config, corpus=study["corpus"])
    study["embedding"] = tmp_path / "embedded"
    out = tmp_path / "labels"
    rows = labelled(out, study, tools.rules, config)
    for rule in ("chess", "year", "painting"):
        assert rows[rule]["rule"] > 0.95 and rows[rule]["badge"] == "strong" and rows[rule]["headline"] == "rule"
        assert rows[rule]["rule_low"] <= rows[rule]["rule"] <= rows[rule]["rule_high"]
        assert rows[rule]["rule_lift"] == pytest.approx(rows[rule]["rule"] - rows[rule]["rule_shuffled"], abs=1e-6)
    assert rows["first word"]["badge"] == "none"
    assert rows["Science"]["headline"] == "embedding" and rows["Science"]["embedding"] is not None
    assert rows["rare"]["score_status"] == "too rare" and rows["rare"]["embedding_lift"] is None
    trials = load_trials(out)
    assert {planted.passages[i].fold for i in trials.passage} == {"score"}
    summary = load_summary(out)
    assert summary["status"] == {"scored": 6, "too few held out": 2, "dead": 1, "too rare": 2}
    assert summary["random_directions"]["scores"]["rule"]["features"] > 100
    assert summary["random_directions"]["badges"]["strong"] < 0.05
    assert load_embedding(study["embedding"]) is not None


def test_without_an_embedder_its_score_is_null(study, tools, tmp_path):
    rows = labelled(tmp_path / "labels", study, tools.rules)
    assert all(row["embedding"] is None for row in rows.values())
    assert rows["Science"]["headline"] == "rule" and rows["Science"]["badge"] is not None


def test_an_embedder_that_is_gone_is_said(study, tools, planted, tmp_path, capsys):
    study["embedding"] = tools.write_embedding(tmp_path / "there", np.ones((400, 3), np.float32))
    rows = labelled(tmp_path / "labels", study, tools.rules, LabelsConfig(embedder="wheel:no-such-embedder"))
    assert all(row["embedding"] is None for row in rows.values())
    assert "labels are not scored by the embedding: wheel:no-such-embedder" in capsys.readouterr().err
