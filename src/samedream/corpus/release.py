"""Records of the Wikimedia Enterprise "structured contents" release → articles.

One record is one article. Every key may be absent. `sections` (in older files `article_sections`) nests sections,
paragraphs and lists through `has_parts`; the Parquet release gives it as a JSON string, or a list of such strings. The
lead stands twice, as `abstract` and as the section "Abstract": the former is taken (it comes without pronunciations),
the latter only where there is no abstract. Lists, tables and infoboxes are not read: their items are no passages.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from samedream.corpus.articles import Article, Block, Tally, article_id
from samedream.corpus.config import CorpusConfig
from samedream.corpus.jsonlines import convert, decode_line

LEAD = "Abstract"
COLUMNS = ("name", "identifier", "abstract", "in_language", "is_part_of", "sections", "article_sections")
_REDIRECT = re.compile(r"#?\s*(?:REDIRECT|REDIRECTION|REDIRECCIÓN|WEITERLEITUNG|RINVIA|DOORVERWIJZING)\b")
_MAX_DEPTH = 50


class Part(msgspec.Struct):
    """A node of an article: section, paragraph, list, …"""

    type: Any = None
    name: Any = None
    value: Any = None
    has_parts: "list[Part | str] | str | None" = None


class Named(msgspec.Struct):
    """Anything with an identifier: the language, the wiki."""

    identifier: Any = None


class Record(msgspec.Struct):
    """The keys of an article's record that are read; msgspec skips the others unread."""

    name: Any = None
    identifier: Any = None
    abstract: Any = None
    in_language: Named | str | None = None
    is_part_of: Named | str | None = None
    sections: list[Part | str] | str | None = None
    article_sections: list[Part | str] | str | None = None


_RECORDS = msgspec.json.Decoder(Record)
_PART_LIST = msgspec.json.Decoder(list[Part | str])
_ONE_PART = msgspec.json.Decoder(Part)
_NAMED = msgspec.json.Decoder(Named)


def is_release(columns: Iterable[str]) -> bool:
    """Whether a record with these keys is of the release."""
    keys = set(columns)
    if keys & {"sections", "article_sections"}:
        return True
    return "name" in keys and bool(keys & {"abstract", "is_part_of"})


def article_from_line(line: bytes, config: CorpusConfig, tally: Tally) -> Article | None:
    """The article of one line; None, counted, for a broken line or a redirect."""
    record = decode_line(line, _RECORDS, tally)
    return None if record is None else article_from_record(record, config, tally)


def article_from_row(row: dict[str, Any], config: CorpusConfig, tally: Tally) -> Article | None:
    """The article of one row of the Parquet release."""
    record = convert(row, Record, tally)
    return None if record is None else article_from_record(record, config, tally)


def article_from_record(record: Record, config: CorpusConfig, tally: Tally) -> Article | None:
    """The article of one record; None for a redirect, which is counted."""
    tally.articles_read += 1
    abstract = record.abstract if isinstance(record.abstract, str) else ""
    if _REDIRECT.match(abstract):
        tally.articles_dropped["redirects"] += 1
        return None
    try:
        under: list[Block] = []
        for parts in (record.sections, record.article_sections):
            _gather(_parts(parts), "", 0, into=under)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        tally.quarantined["records of an unexpected shape"] += 1
        return None
    lead = [Block(LEAD, "abstract", abstract)] if abstract.strip() else [b for b in under if b.kind == "abstract"]
    body = [block for block in under if block.kind == "paragraph"]
    blocks = (lead if config.sections != "paragraphs" else []) + (body if config.sections != "abstract" else [])
    language = _language(record)
    title = record.name if isinstance(record.name, str) else ""
    name = title if record.identifier is None else str(record.identifier)
    unique = article_id(language, name)
    return Article(unique, title, language, None, blocks, draw_id=unique)


def _parts(value: "list[Part | str] | str | None") -> list[Part | str]:
    """Parts, also where all of them are JSON in one string."""
    if isinstance(value, str):
        return list(_PART_LIST.decode(value)) if value.strip() else []
    return value or []


def _gather(parts: "Iterable[Part | str]", section: str, depth: int, *, into: list[Block]) -> None:
    """Add all paragraphs below parts, in reading order; `section` is the nearest heading above them."""
    if depth > _MAX_DEPTH:
        return
    kind = "abstract" if section == LEAD and depth == 1 else "paragraph"
    for given in parts:
        part = given if isinstance(given, Part) else _ONE_PART.decode(given)
        if part.type == "paragraph":
            if isinstance(part.value, str) and part.value.strip():
                into.append(Block(section, kind, part.value))
        elif part.type in ("section", None) and part.has_parts:
            heading = part.name if isinstance(part.name, str) and part.name else section
            _gather(_parts(part.has_parts), heading, depth + 1, into=into)


def _language(record: Record) -> str:
    """The language's code, from in_language or else from the wiki ("enwiki" → "en")."""
    language = _identifier(record.in_language)
    wiki = _identifier(record.is_part_of)
    return language or (wiki.removesuffix("wiki") if wiki.endswith("wiki") else "")


def _identifier(value: Named | str | None) -> str:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = _NAMED.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return ""
    found = value.identifier if isinstance(value, Named) else value
    return found if isinstance(found, str) else ""
