"""Plain text → articles: a file is an article, its paragraphs stand between blank lines.

A long file is taken in stretches of about 10,000 characters, each an article of its own ("moby-dick.txt",
"moby-dick.txt#2", …): articles are the blocks of all statistics, and a corpus of one block could support none.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from samedream.corpus.articles import Article, Block, Tally
from samedream.corpus.files import Piece, piece_chunks
from samedream.corpus.streams import lines

STRETCH_CHARS = 10_000


def read_text(piece: Piece, tally: Tally) -> Iterator[Article]:
    """The articles of a text file."""
    stretch: list[str] = []
    size = number = 0
    for paragraph in _paragraphs(piece, tally):
        stretch.append(paragraph)
        size += len(paragraph)
        if size >= STRETCH_CHARS:
            number += 1
            yield _article(piece.name, number, stretch, tally=tally)
            stretch, size = [], 0
    if stretch:
        yield _article(piece.name, number + 1, stretch, tally=tally)


def _article(name: str, number: int, paragraphs: list[str], *, tally: Tally) -> Article:
    tally.articles_read += 1
    unique = name if number == 1 else f"{name}#{number}"
    title = PurePosixPath(name).name.partition(".")[0]
    blocks = [Block("", "text", paragraph) for paragraph in paragraphs]
    return Article(unique, title, "", None, blocks, draw_id=unique, grouped=True)


def _paragraphs(piece: Piece, tally: Tally) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for line in lines(piece_chunks(piece, tally), tally):
        text = _decode(line, tally)
        if text.strip():
            held.append(text)
            size += len(text)
        if held and (not text.strip() or size >= STRETCH_CHARS):  # a file without blank lines is not held whole
            yield "\n".join(held)
            held, size = [], 0
    if held:
        yield "\n".join(held)


def _decode(line: bytes, tally: Tally) -> str:
    try:
        return line.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError:
        tally.replaced["lines read as Latin-1, not being UTF-8"] += 1
        return line.decode("latin-1")
