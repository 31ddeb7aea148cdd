"""Rows of any JSONL or Parquet table with a text column → articles; also the shipped sample, which is such a table."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from samedream.corpus import release
from samedream.corpus.articles import Article, Block, Tally, article_id
from samedream.corpus.config import CorpusConfig
from samedream.corpus.files import Piece, piece_chunks
from samedream.corpus.jsonlines import decode_line
from samedream.corpus.streams import DamagedStreamError, lines

# Names tried in this order when the settings name no column.
_TEXT = ("text", "abstract", "content", "passage", "paragraph", "sentence", "body", "document", "context")
_ID = ("id", "_id", "key", "identifier", "doc_id", "page_id", "pageid")
_TITLE = ("title", "name", "article", "work")
_TOPIC = ("topic", "category", "label", "class")
_LANGUAGE = ("language", "lang", "in_language")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_ROWS_AT_ONCE = 256
_MAX_MEMBER_BYTES = 2 << 30  # a Parquet file inside a zip is read whole: its index is at its end
_ROWS = msgspec.json.Decoder(dict[str, Any])


class Columns(NamedTuple):
    """Which column holds what; "" for none."""

    text: str
    id: str
    title: str
    topic: str
    language: str


def find_columns(names: list[str], config: CorpusConfig) -> Columns:
    """Which columns to read: those the settings name, else the first known name there is."""

    def pick(named: str | None, known: tuple[str, ...]) -> str:
        return named if named is not None else next((name for name in known if name in names), "")

    return Columns(
        text=pick(config.text_column, _TEXT),
        id=pick(config.id_column, _ID),
        title=pick(config.title_column, _TITLE),
        topic=pick(config.topic_column, _TOPIC),
        language=pick(config.language_column, _LANGUAGE),
    )


def read_json_lines(piece: Piece, config: CorpusConfig, tally: Tally) -> Iterator[Article]:
    """The articles of a file of JSON lines. The first line that can be read decides: the release, or a table."""
    of_release: bool | None = None
    columns: Columns | None = None
    for line in lines(piece_chunks(piece, tally), tally):
        if of_release:
            article = release.article_from_line(line, config, tally)
        else:
            row = decode_line(line, _ROWS, tally)
            if row is None:
                continue
            if of_release is None:
                of_release = config.text_column is None and release.is_release(row)
            if of_release:
                article = release.article_from_row(row, config, tally)
            else:
                columns = columns if columns and columns.text else find_columns(list(row), config)
                article = article_from_row(row, columns, config, tally=tally)
        if article is not None:
            yield article


def read_parquet(piece: Piece, config: CorpusConfig, tally: Tally) -> Iterator[Article]:
    """The articles of a Parquet file, a batch of rows at a time."""
    try:
        for row, columns in _parquet_rows(piece, config, tally):
            if columns is None:
                article = release.article_from_row(row, config, tally)
            else:
                article = article_from_row(row, columns, config, tally=tally)
            if article is not None:
                yield article
    except (pa.ArrowException, OSError, DamagedStreamError, UnicodeDecodeError):
        tally.quarantined["Parquet files that are damaged or end early"] += 1


def _parquet_rows(piece: Piece, config: CorpusConfig, tally: Tally) -> Iterator[tuple[dict[str, Any], Columns | None]]:
    """Rows with their columns; None for the columns where the file is of the release."""
    if piece.member is None:
        source: Any = piece.path
    elif piece.member.file_size > _MAX_MEMBER_BYTES:
        raise DamagedStreamError(f"{piece.name} is too large to be read inside a zip")
    else:
        source = pa.BufferReader(b"".join(piece_chunks(piece, tally)))
    with pq.ParquetFile(source) as file:
        names = list(file.schema_arrow.names)
        of_release = config.text_column is None and release.is_release(names)
        columns = None if of_release else find_columns(names, config)
        wanted = [name for name in (release.COLUMNS if columns is None else columns) if name in names]
        if columns is not None and columns.text not in names:
            tally.see_columns(names)
        groups = file.num_row_groups
        for group in range(groups):
            for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=wanted):
                for row in batch.to_pylist():
                    yield row, columns
            if piece.member is None:
                tally.read_bytes(piece.path.stat().st_size // groups)


def article_from_row(row: dict[str, Any], columns: Columns, config: CorpusConfig, *, tally: Tally) -> Article | None:
    """The article of one row; None, counted, when it has no text.

    A row without an id gets one from its text. Where `id_column` groups rows, each row is drawn for itself.
    """
    tally.articles_read += 1
    text = row.get(columns.text)
    if isinstance(text, list) and all(isinstance(part, str) for part in text):
        text = "\n\n".join(text)
    if not isinstance(text, str):
        tally.see_columns(list(row))
        tally.articles_dropped["rows without text" if text is None else "rows whose text is not a string"] += 1
        return None
    language, topic, name = (_string(row.get(column)) for column in (columns.language, columns.topic, columns.id))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    unique = article_id(language, name or f"row-{digest}")
    grouped = config.id_column is not None
    section, kind = (release.LEAD, "abstract") if columns.text == "abstract" else ("", "text")
    return Article(
        article_id=unique,
        title=_string(row.get(columns.title)),
        language=language,
        topic=topic or None,
        blocks=[Block(section, kind, part) for part in _BLANK_LINE.split(text)],
        draw_id=f"{unique}\0{digest}" if grouped else unique,
        grouped=grouped,
    )


def _string(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None or isinstance(value, list | dict) else str(value)
