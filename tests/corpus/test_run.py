import json

import pytest
from pydantic import ValidationError

from samedream import artifacts
from samedream.corpus.config import CorpusConfig
from samedream.corpus.run import run
from samedream.corpus.sources import read_passages
from samedream.corpus.store import load_passages, save_passages
from samedream.errors import CorpusError, CorruptArtifactError, MissingArtifactError, StaleArtifactError


def test_run_writes_passages_and_counts(tmp_path, write_jsonl, table_rows):
    path = write_jsonl("t.jsonl", table_rows(40))
    config = CorpusConfig(source=str(path), passages=30)
    run(tmp_path / "corpus", config)
    assert load_passages(tmp_path / "corpus") == list(read_passages(path, config))
    manifest = artifacts.require_manifest(tmp_path / "corpus")
    counts = manifest.counts
    assert (counts["passages"], counts["articles"], counts["articles_read"]) == (30, 30, 40)
    assert counts["folds"]["label"] + counts["folds"]["score"] == 30
    assert counts["passages_cut"] == 30 + sum(counts["passages_dropped"].values())
    assert str(tmp_path) not in (tmp_path / "corpus" / "manifest.json").read_text()
    assert sorted(p.name for p in (tmp_path / "corpus").iterdir()) == ["manifest.json", "passages.parquet"]


def test_two_runs_make_the_same_bytes_and_a_done_one_is_left_alone(tmp_path, write_jsonl, table_rows):
    config = CorpusConfig(source=str(write_jsonl("t.jsonl", table_rows(40))))
    for name in ("one", "two"):
        run(tmp_path / name, config)
    for file in ("passages.parquet", "manifest.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    before = (tmp_path / "one" / "passages.parquet").stat().st_mtime_ns
    run(tmp_path / "one", config)
    assert (tmp_path / "one" / "passages.parquet").stat().st_mtime_ns == before


def test_killed_before_the_manifest_and_run_again(tmp_path, write_jsonl, table_rows, monkeypatch):
    config = CorpusConfig(source=str(write_jsonl("t.jsonl", table_rows(40))))
    run(tmp_path / "whole", config)

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(artifacts, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "broken", config)
    with pytest.raises(MissingArtifactError):
        load_passages(tmp_path / "broken")
    run(tmp_path / "broken", config)
    for file in ("passages.parquet", "manifest.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "broken" / file).read_bytes()


def test_other_settings_or_a_changed_source_are_errors(tmp_path, write_jsonl, table_rows):
    path = write_jsonl("t.jsonl", table_rows(10))
    run(tmp_path / "corpus", CorpusConfig(source=str(path)))
    with pytest.raises(StaleArtifactError, match="the setting seed = 4738, now it is 1"):
        run(tmp_path / "corpus", CorpusConfig(source=str(path), seed=1))
    moved = write_jsonl("elsewhere/t.jsonl", table_rows(10))
    run(tmp_path / "corpus", CorpusConfig(source=str(moved)))  # the same source in another folder
    write_jsonl("t.jsonl", table_rows(11))
    with pytest.raises(StaleArtifactError, match="the input source"):
        run(tmp_path / "corpus", CorpusConfig(source=str(path)))


def test_a_finished_corpus_outlives_its_source(tmp_path, write_jsonl, table_rows):
    path = write_jsonl("t.jsonl", table_rows(10))
    config = CorpusConfig(source=str(path))
    run(tmp_path / "corpus", config)
    path.unlink()
    run(tmp_path / "corpus", config)
    with pytest.raises(CorpusError, match="there is no text source"):
        run(tmp_path / "new", config)


def test_store_round_trip_and_damage(tmp_path, write_jsonl, table_rows):
    run(tmp_path / "corpus", CorpusConfig(source=str(write_jsonl("t.jsonl", table_rows(10)))))
    passages = load_passages(tmp_path / "corpus")
    assert (
        save_passages(tmp_path / "copy", passages).read_bytes() == (tmp_path / "corpus/passages.parquet").read_bytes()
    )
    with (tmp_path / "corpus/passages.parquet").open("r+b") as handle:
        handle.seek(100)
        handle.write(b"\xff\xff\xff\xff")
    with pytest.raises(CorruptArtifactError, match="does not fit its checksum"):
        load_passages(tmp_path / "corpus")


def test_sample_is_read_in_english_by_default(tmp_path):
    config = CorpusConfig(passages=200)
    run(tmp_path / "corpus", config)
    passages = load_passages(tmp_path / "corpus")
    assert len(passages) == 200 and {p.language for p in passages} == {"en"}
    assert len({p.article_id for p in passages}) == 200  # breadth: one passage an article
    assert all(80 <= len(p.text) <= 250 and p.topic and p.article_id == f"en:{p.article}" for p in passages[:5])
    counts = json.loads((tmp_path / "corpus" / "manifest.json").read_text())["counts"]
    assert (counts["articles_read"], counts["articles_dropped"]["other languages"]) == (26_227, 16_194)


def test_sample_in_all_languages():
    passages = list(read_passages("sample", CorpusConfig(passages=60, languages=())))
    assert {p.language for p in passages} == {"en", "fr", "es"}
    assert all(p.article_id.startswith(f"{p.language}:") for p in passages)


def test_config_refuses_what_cannot_be():
    with pytest.raises(ValidationError, match="min_chars is 80 and passage_chars 60"):
        CorpusConfig(passage_chars=60)
    with pytest.raises(ValidationError, match="extra_forbidden|Extra inputs"):
        CorpusConfig(passage=10)  # type: ignore[call-arg]
    assert CorpusConfig(passages_per_article="3").passages_per_article == 3
