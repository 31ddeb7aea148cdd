"""Any source of text → passages: `read_passages` is the whole way from files to the sample."""

from collections.abc import Iterator
from pathlib import Path

from samedream.corpus.articles import Article, Tally
from samedream.corpus.config import CorpusConfig
from samedream.corpus.files import Piece, find_pieces, source_bytes, source_path
from samedream.corpus.passages import passages_of
from samedream.corpus.plain import read_text
from samedream.corpus.sampling import Sampler
from samedream.corpus.tables import read_json_lines, read_parquet
from samedream.errors import CorpusError
from samedream.progress import step
from samedream.records import Passage


def read_passages(source: str | Path, config: CorpusConfig | None = None) -> Iterator[Passage]:
    """Read a source of text into passages: cleaned, cut, sampled over the whole source, near-duplicates dropped.

    The whole source is read before the first passage comes, because every passage has the same chance. The order is
    that of the sampling keys: random, but the same for the same seed.

    Args:
        source: "sample", or the path of a file or directory; it takes the place of `config.source`.
        config: Settings; the defaults when left out.

    Raises:
        CorpusError: There is no such source, or nothing readable is left of it; the message says what was found.
    """
    return iter(collect(source, config or CorpusConfig())[0])


def collect(source: str | Path, config: CorpusConfig) -> tuple[list[Passage], Tally]:
    """The sample of a source, and the tally of all that was read and dropped.

    Raises:
        CorpusError: As for `read_passages`.
    """
    path = source_path(source)
    with step("reading the corpus", source_bytes(path) / 1e6, "MB") as progress:
        tally = Tally(progress)
        sampler = Sampler(config, tally)
        languages = config.wanted_languages(str(source))
        for piece in find_pieces(path, tally):
            for article in read_articles(piece, config, tally):
                _offer(article, sampler, languages, config=config, tally=tally)
        passages = sampler.result()
    if not passages:
        raise CorpusError(_nothing_left(str(source), languages, config, tally=tally))
    return passages, tally


def read_articles(piece: Piece, config: CorpusConfig, tally: Tally) -> Iterator[Article]:
    """The articles of one file."""
    if piece.form == "text":
        return read_text(piece, tally)
    return read_parquet(piece, config, tally) if piece.form == "parquet" else read_json_lines(piece, config, tally)


def _offer(
    article: Article, sampler: Sampler, languages: frozenset[str], *, config: CorpusConfig, tally: Tally
) -> None:
    tally.see_language(article.language)
    if languages and article.language and article.language.casefold() not in languages:
        tally.articles_dropped["other languages"] += 1
    elif sampler.out_of_reach(article.draw_id, grouped=article.grouped):
        tally.articles_dropped["not drawn"] += 1
    elif passages := passages_of(article, config, tally, most=sampler.cap(grouped=article.grouped)):
        sampler.offer(article.draw_id, passages, grouped=article.grouped)
    else:
        tally.articles_dropped["no passage in them"] += 1


def _nothing_left(source: str, languages: frozenset[str], config: CorpusConfig, *, tally: Tally) -> str:
    counts = {**tally.quarantined, **tally.articles_dropped, **tally.passages_dropped}
    dropped = ", ".join(f"{number:,} {reason}" for reason, number in counts.items() if number)
    found = f"no passage is left of {source}: {tally.articles_read:,} articles read, dropped: {dropped or 'nothing'}"
    if tally.columns_seen:
        columns = ", ".join(sorted(tally.columns_seen))
        return f'{found}. The columns found are {columns}; name the one that holds the text: text_column = "…"'
    if languages and tally.articles_dropped["other languages"]:
        seen, wanted = ", ".join(sorted(tally.languages_seen)), ", ".join(sorted(languages))
        return f"{found}. Its languages are {seen}, wanted is {wanted}: change languages, or give [] for all"
    return (
        f"{found}. Expected is running text with paragraphs of at least min_chars = {config.min_chars} characters: "
        f"give a smaller min_chars, or another source"
    )
