import json
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from samedream.corpus import release
from samedream.corpus.articles import Tally
from samedream.corpus.config import CorpusConfig
from samedream.corpus.sources import read_passages

DATA = Path(__file__).parent / "data" / "wme-sample.jsonl"
BOTH = CorpusConfig()


def article(record, config=BOTH, tally=None):
    return release.article_from_line(json.dumps(record).encode(), config, tally or Tally())


def paragraph(value):
    return {"type": "paragraph", "value": value}


def section(name, *parts):
    return {"type": "section", "name": name, "has_parts": list(parts)}


def test_real_lines():
    tally = Tally()
    found = [release.article_from_line(line, BOTH, tally) for line in DATA.read_bytes().splitlines()]
    assert [a and (a.article_id, a.title) for a in found] == [
        ("en:76716259", "Not Again SU"),
        None,  # a redirect
        ("fr:16411141", "Esochí"),
        ("fr:16411154", "Néo Kallyndíri"),
        ("fr:16411607", "Manoir de Kergurion"),
        ("fr:663351", "Fakarava (Polynésie française)"),
    ]
    assert (tally.articles_read, dict(tally.articles_dropped)) == (6, {"redirects": 1})
    kergurion = found[4]
    assert [b.section for b in kergurion.blocks][:3] == ["Abstract", "Localisation", "Description"]
    assert sum("est un édifice situé à Plaudren en France" in b.text for b in kergurion.blocks) == 1  # the lead, once


def test_real_lines_become_passages():
    texts = [p.text for p in read_passages(DATA, CorpusConfig(passages_per_article="all"))]
    assert any(text.startswith(("Esochí est une", "Néo Kallyndíri est une")) for text in texts)
    assert not any("REDIRECT" in text or "l' archipel" in text for text in texts)


def test_lead_from_the_section_where_there_is_no_abstract():
    found = article(
        {"name": "A", "sections": [section("Abstract", paragraph("Lead.")), section("B", paragraph("Body."))]}
    )
    assert [(b.section, b.kind, b.text) for b in found.blocks] == [
        ("Abstract", "abstract", "Lead."),
        ("B", "paragraph", "Body."),
    ]


def test_nested_sections_take_the_nearest_heading_and_lists_are_left_out():
    items = {"type": "list", "has_parts": [{"type": "list_item", "value": "item"}]}
    inner = section("Inner", paragraph("deep"), section("Deepest", paragraph("deepest")))
    found = article({"name": "A", "article_sections": [section("Outer", paragraph("first"), items, inner)]})
    assert [(b.section, b.text) for b in found.blocks] == [
        ("Outer", "first"),
        ("Inner", "deep"),
        ("Deepest", "deepest"),
    ]


def test_sections_setting():
    record = {
        "name": "A",
        "abstract": "Lead.",
        "sections": [section("Abstract", paragraph("Lead.")), section("B", paragraph("Body."))],
    }
    assert [b.text for b in article(record, CorpusConfig(sections="abstract")).blocks] == ["Lead."]
    assert [b.text for b in article(record, CorpusConfig(sections="paragraphs")).blocks] == ["Body."]
    assert [b.text for b in article(record).blocks] == ["Lead.", "Body."]


def test_sections_as_json_strings():
    parts = [section("B", paragraph("Body."))]
    as_string = article({"name": "A", "sections": json.dumps(parts)})
    as_list = article({"name": "A", "sections": [json.dumps(part) for part in parts]})
    assert as_string.blocks == as_list.blocks == article({"name": "A", "sections": parts}).blocks
    tally = Tally()
    assert article({"name": "A", "sections": "[{broken"}, tally=tally) is None
    assert tally.quarantined == {"records of an unexpected shape": 1}


def test_language_from_in_language_or_the_wiki():
    assert article({"name": "A", "in_language": {"identifier": "fr"}}).article_id == "fr:A"
    assert article({"name": "A", "is_part_of": {"identifier": "dewiki"}, "identifier": 7}).article_id == "de:7"
    assert article({"name": "A", "in_language": '{"identifier":"es"}'}).language == "es"
    assert article({"name": "A", "is_part_of": {"identifier": "commons"}}).language == ""


def test_redirects_in_other_languages():
    for abstract in ("REDIRECTION Paris", "#REDIRECT Paris", "WEITERLEITUNG Paris"):
        assert article({"name": "A", "abstract": abstract}) is None
    assert article({"name": "A", "abstract": "Redirection is a form of word processing."}) is not None


def test_surrogates_nan_and_bom_are_read_slowly_not_lost():
    line = b'\xef\xbb\xbf{"name": "A\\ud800", "score": NaN, "abstract": "Lead \\udc00."}'
    found = release.article_from_line(line, BOTH, Tally())
    assert found is not None and found.blocks[0].text == "Lead \udc00."


def test_deep_nesting_is_no_crash():
    line = b'{"sections":' + b'[{"has_parts":' * 5000 + b"[]" + b"}]" * 5000 + b"}"
    tally = Tally()
    assert release.article_from_line(line, BOTH, tally) is None
    assert tally.quarantined.total() == 1


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_crash(line):
    release.article_from_line(line, BOTH, Tally())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "name", "value", "has_parts", "identifier", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(release.COLUMNS), JSON))
def test_records_of_any_shape_never_crash(record):
    tally = Tally()
    found = release.article_from_line(json.dumps(record).encode(), BOTH, tally)
    assert (found is None) == (tally.quarantined.total() + tally.articles_dropped.total() > 0)
    release.article_from_row(record, BOTH, Tally())


def test_real_record_round_trips_through_the_struct():
    record = msgspec.json.decode(DATA.read_bytes().splitlines()[5], type=release.Record)
    assert record.name == "Fakarava (Polynésie française)" and record.sections
