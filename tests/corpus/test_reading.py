import bz2
import gzip
import io
import json
import lzma
import sys
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samedream.corpus import archives, streams
from samedream.corpus.articles import Tally
from samedream.corpus.config import CorpusConfig
from samedream.corpus.sources import collect, read_passages
from samedream.errors import CorpusError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKERS = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstd.compress, ".bz2": bz2.compress}
ALL = CorpusConfig(passages_per_article="all")


def lines_of(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


@pytest.fixture
def expected(table_rows, write_jsonl):
    return list(read_passages(write_jsonl("plain/t.jsonl", table_rows(40)), ALL))


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_files_read_as_the_plain_one(suffix, table_rows, tmp_path, expected):
    path = tmp_path / f"t.jsonl{suffix}"
    raw = lines_of(table_rows(40))
    path.write_bytes(PACKERS[suffix](raw[:2000]) + PACKERS[suffix](raw[2000:]))  # two streams one after another
    assert list(read_passages(path, ALL)) == expected


def test_damage_in_a_stream_counts_and_keeps_what_came_before(table_rows, tmp_path):
    raw = lines_of(table_rows(600))
    for suffix, pack in {**PACKERS, ".bz2": lambda data: bz2.compress(data, 1)}.items():  # blocks of 100 kB
        path = tmp_path / f"t.jsonl{suffix}"
        packed = pack(raw)
        path.write_bytes(packed[: int(len(packed) * 0.95)])
        passages, tally = collect(path, CorpusConfig(passages=5))
        assert tally.quarantined == {"compressed files that are damaged or end early": 1}, suffix
        assert len(passages) == 5


@given(st.binary(max_size=300), st.sampled_from(sorted(PACKERS)))
def test_arbitrary_bytes_never_crash_a_decompressor(data, suffix):
    list(streams.lines(streams.inflate([data], streams.DECOMPRESSORS[suffix]), Tally()))


@given(st.lists(st.binary(max_size=30), max_size=10), st.integers(1, 12))
def test_lines_do_not_depend_on_the_chunks(chunks, limit):
    data = b"".join(chunks)
    pieces = [data[i : i + limit] for i in range(0, len(data), limit)]
    assert list(streams.lines(pieces, Tally())) == data.split(b"\n")


def test_a_line_over_the_limit_is_skipped_and_not_held(monkeypatch):
    monkeypatch.setattr(streams, "MAX_LINE_BYTES", 1 << 20)
    held = []

    def chunks():
        yield b"before\n"
        for _ in range(64):
            yield b"x" * (1 << 18)
            held.append(1)
        yield b"\nafter\n"

    tally = Tally()
    assert list(streams.lines(chunks(), tally)) == [b"before", b"after", b""]
    assert tally.quarantined == {"lines over 1 MB": 1}


def test_a_bomb_is_inflated_in_small_chunks():
    bomb = gzip.compress(bytes(16 << 20))
    assert max(map(len, streams.inflate([bomb], streams.DECOMPRESSORS[".gz"]))) <= streams.CHUNK_BYTES


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_is_read_in_place_without_macos_shadows(method, table_rows, tmp_path, expected):
    path = tmp_path / "enwiki_namespace_0.zip"
    rows = table_rows(40)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("enwiki_namespace_0/", b"")
        archive.writestr("enwiki_namespace_0/enwiki_namespace_0_1.jsonl", lines_of(rows[20:]))
        archive.writestr("enwiki_namespace_0/enwiki_namespace_0_0.jsonl", lines_of(rows[:20]))
        archive.writestr("__MACOSX/enwiki_namespace_0/._enwiki_namespace_0_0.jsonl", b"\0\5\x16\7junk")
        archive.writestr("enwiki_namespace_0/._enwiki_namespace_0_1.jsonl", b"\0\5\x16\7junk")
    before = sorted(tmp_path.iterdir())
    passages, tally = collect(path, ALL)
    assert passages == expected and not tally.quarantined
    assert sorted(tmp_path.iterdir()) == before  # nothing was extracted


def test_zip64_members(table_rows, tmp_path, expected):
    path = tmp_path / "big.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("t.jsonl", "w", force_zip64=True) as member:
            member.write(lines_of(table_rows(40)))
    assert list(read_passages(path, ALL)) == expected


def test_a_damaged_zip_member_counts_and_the_others_are_read(table_rows, tmp_path):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.jsonl", lines_of(table_rows(20)))
        archive.writestr(
            "2.jsonl", lines_of([{"id": f"other{i}", "text": row["text"]} for i, row in enumerate(table_rows(30))])
        )
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)  # inside the first member
    path.write_bytes(data)
    passages, tally = collect(path, CorpusConfig())
    assert tally.quarantined["compressed files that are damaged or end early"] == 1
    assert {p.article_id for p in passages} >= {f"other{i}" for i in range(25, 30)}


def test_a_wrong_checksum_is_told(tmp_path):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("t.jsonl", b"A" * 100)
    path.write_bytes(path.read_bytes().replace(b"AAAA", b"AAAB", 1))
    info = archives.zip_members(path)[0]
    with pytest.raises(streams.DamagedStreamError, match="checksum"):
        list(archives.member_chunks(path, info, Tally()))


def test_a_zip_cut_off_says_so(table_rows, tmp_path):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("t.jsonl", lines_of(table_rows(20)))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CorpusError) as raised:
        read_passages(path, ALL)
    assert str(raised.value) == (
        f"no text that can be read in {path}: found a damaged or unfinished zip (download it again), expected .jsonl "
        f"or .ndjson (also .gz, .xz, .zst, .bz2), .parquet, .txt, a .zip of these, or a directory of these"
    )


def test_parquet_tables_and_parquet_in_a_zip(table_rows, tmp_path, expected):
    path = tmp_path / "pq" / "t.parquet"
    path.parent.mkdir()
    pq.write_table(pa.Table.from_pylist(table_rows(40)), path, row_group_size=7)
    assert list(read_passages(path, ALL)) == expected
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "enwiki/data/t.parquet")
    assert list(read_passages(tmp_path / "t.zip", ALL)) == expected


def test_parquet_release_with_sections_as_json(table_rows, tmp_path):
    rows = [
        {
            "name": row["title"],
            "identifier": i,
            "abstract": None,
            "in_language": json.dumps({"identifier": "en"}),
            "infoboxes": "[]",
            "sections": json.dumps(
                [{"type": "section", "name": "Abstract", "has_parts": [{"type": "paragraph", "value": row["text"]}]}]
            ),
        }
        for i, row in enumerate(table_rows(5))
    ]
    path = tmp_path / "enwiki_namespace_0_0.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    passages = list(read_passages(path, CorpusConfig()))
    assert sorted(p.article_id for p in passages) == [f"en:{i}" for i in range(5)]
    assert {(p.kind, p.section, p.language) for p in passages} == {("abstract", "Abstract", "en")}


def test_a_damaged_parquet_beside_a_good_file(table_rows, tmp_path, write_jsonl):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(table_rows(40)), buffer)
    write_jsonl("d/good.jsonl", table_rows(10))
    (tmp_path / "d" / "bad.parquet").write_bytes(buffer.getvalue()[:-200])
    passages, tally = collect(tmp_path / "d", CorpusConfig())
    assert len(passages) == 10 and tally.quarantined == {"Parquet files that are damaged or end early": 1}


def test_broken_lines_are_counted_by_reason(table_rows, tmp_path):
    good = lines_of(table_rows(12))
    bad = [b'{"text": "cut off', b"[1, 2]", b'"a string"', b"\xff\xfe{}", b"", b"   ", b"[" * 100_000, b"\0\0\0"]
    odd = [
        b'\xef\xbb\xbf{"id": "bom", "text": "%s"}' % table_rows(13)[12]["text"].encode(),
        b'{"id": "nan", "score": NaN, "text": "%s"}' % table_rows(14)[13]["text"].encode(),
        b'{"id": "lone\\ud800", "title": "\\udc00", "text": "\\ud83d %s"}' % table_rows(15)[14]["text"].encode(),
        b'{"id": "raw", "text": "\xed\xa0\x80 %s"}' % table_rows(16)[15]["text"].encode(),
    ]
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"\n".join([*bad, *odd]) + b"\n" + good)
    passages, tally = collect(path, CorpusConfig())
    assert tally.quarantined == {
        "lines that are not JSON": 2,
        "lines that are not a JSON object": 2,
        "lines that are not UTF-8": 1,
        "lines nested too deeply": 1,
    }
    assert {"bom", "nan", "lone?", "raw"} <= {p.article_id for p in passages} and len(passages) == 16
    for p in passages:
        "".join([p.passage_id, p.article_id, p.article, p.text]).encode("utf-8")


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_files_of_arbitrary_lines_never_crash(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("any") / "t.jsonl"
    path.write_bytes(b"\n".join(rows))
    try:
        list(read_passages(path, CorpusConfig(min_chars=1)))
    except CorpusError:
        pass


def test_columns_by_name_and_rows_grouped_into_articles(write_jsonl, table_rows):
    rows = [
        {"work": f"w{i % 3}", "author": "A", "line": row["text"]} for i, row in enumerate(table_rows(12, sentences=1))
    ]
    path = write_jsonl("t.jsonl", rows)
    config = CorpusConfig(text_column="line", id_column="work", topic_column="author", min_chars=20)
    passages = list(read_passages(path, config))
    assert len(passages) == 12  # id_column groups rows: all passages of an article
    assert {p.article_id for p in passages} == {"w0", "w1", "w2"}
    assert {(p.topic, p.article) for p in passages} == {("A", "w0"), ("A", "w1"), ("A", "w2")}
    assert len(list(read_passages(path, config.model_copy(update={"passages_per_article": 1})))) == 3


def test_rows_without_an_id_get_one_from_their_text(write_jsonl, table_rows):
    rows = [{"text": row["text"]} for row in table_rows(5)]
    first = {p.text: p.article_id for p in read_passages(write_jsonl("1.jsonl", rows))}
    again = {p.text: p.article_id for p in read_passages(write_jsonl("2.jsonl", rows[::-1]))}
    assert first == again and len(set(first.values())) == 5


def test_languages_are_filtered_and_unknown_ones_kept(write_jsonl, table_rows):
    rows = [{**row, "lang": lang} for row, lang in zip(table_rows(6), ["en", "fr", "EN", "", None, "de"], strict=True)]
    path = write_jsonl("t.jsonl", rows)
    assert sorted(p.language for p in read_passages(path, CorpusConfig(languages=("en",)))) == ["", "", "EN", "en"]
    assert len(list(read_passages(path, CorpusConfig(languages=())))) == len(list(read_passages(path))) == 6


def test_plain_text_paragraphs_stretches_and_odd_bytes(tmp_path, table_rows):
    book = tmp_path / "books" / "moby.txt"
    book.parent.mkdir()
    paragraphs = [row["text"].replace(". ", ".\n") for row in table_rows(60)]
    book.write_bytes(
        b"\xef\xbb\xbf" + "\r\n\r\n".join(paragraphs).encode() + b"\n\nCaf\xe9 " + paragraphs[0][::-1].encode()
    )
    (book.parent / "other.txt").write_text(table_rows(61)[60]["text"])
    passages, tally = collect(tmp_path / "books", CorpusConfig())
    articles = {p.article_id for p in passages}
    assert {"moby.txt", "moby.txt#2", "other.txt"} <= articles
    assert {(p.kind, p.section, p.language) for p in passages} == {("text", "", "")}
    assert {p.article for p in passages} == {"moby", "other"}
    assert len(passages) > 100  # a file is no article in the encyclopedia's sense: all its passages are taken
    assert tally.replaced == {"lines read as Latin-1, not being UTF-8": 1}


def test_missing_source():
    with pytest.raises(CorpusError) as raised:
        read_passages("no/such/file.jsonl")
    assert str(raised.value) == (
        "there is no text source at no/such/file.jsonl. Give the path of .jsonl or .ndjson (also .gz, .xz, .zst, "
        '.bz2), .parquet, .txt, a .zip of these, or a directory of these; or "sample", the Wikipedia leads that '
        "come with samedream"
    )


def test_nothing_of_a_known_kind(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"x")
    (tmp_path / "b.pdf").write_bytes(b"x")
    with pytest.raises(CorpusError, match=r"found 2 × \.pdf, expected \.jsonl"):
        read_passages(tmp_path)


def test_no_text_column_names_the_columns(write_jsonl):
    path = write_jsonl("t.jsonl", [{"alpha": "x", "beta": 1}])
    with pytest.raises(CorpusError) as raised:
        read_passages(path)
    assert str(raised.value) == (
        f"no passage is left of {path}: 1 articles read, dropped: 1 rows without text. The columns found are alpha, "
        f'beta; name the one that holds the text: text_column = "…"'
    )


def test_no_text_in_the_language(write_jsonl, table_rows):
    path = write_jsonl("t.jsonl", [{**row, "lang": "fr"} for row in table_rows(3)])
    with pytest.raises(CorpusError) as raised:
        read_passages(path, CorpusConfig(languages=("de", "en")))
    assert str(raised.value) == (
        f"no passage is left of {path}: 3 articles read, dropped: 3 other languages. Its languages are fr, wanted is "
        f"de, en: change languages, or give [] for all"
    )


def test_empty_and_too_short(tmp_path, write_jsonl):
    (tmp_path / "empty.jsonl").write_bytes(b"")
    with pytest.raises(CorpusError, match="0 articles read, dropped: nothing"):
        read_passages(tmp_path / "empty.jsonl")
    with pytest.raises(CorpusError, match="1 too short.*at least min_chars = 80 characters: give a smaller"):
        read_passages(write_jsonl("short.jsonl", [{"text": "too short"}]))
