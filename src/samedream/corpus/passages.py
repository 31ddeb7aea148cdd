"""An article → its passages, ranked; no more of it is cut than can be wanted.

The order of an article's paragraphs is drawn with chances in proportion to their lengths (the smallest -log(u) / length
first: Efraimidis and Spirakis, 2006, "Weighted random sampling with a reservoir"), and so is, by hash, the order of the
passages in a paragraph. The first ranks go to one passage of each paragraph, the next to a second one, and so on: the
passages chosen of an article spread over it.
"""

import hashlib
import math
from functools import lru_cache
from itertools import chain, zip_longest

from samedream.corpus.articles import Article, Block, Tally
from samedream.corpus.cleaning import clean
from samedream.corpus.config import CorpusConfig
from samedream.corpus.cutting import cut
from samedream.corpus.debris import debris_reason
from samedream.corpus.folds import fold_of
from samedream.corpus.sampling import BEYOND, seeded_hash
from samedream.records import Passage


def passages_of(article: Article, config: CorpusConfig, tally: Tally, *, most: int | None) -> list[Passage]:
    """The passages of an article in the order of their ranks.

    Args:
        article: As its source gives it.
        config: Settings.
        tally: Counts what is dropped, and why.
        most: How many to give at most; paragraphs are cut only until there are as many. None: all.
    """
    by_paragraph: list[list[Passage]] = []
    for block in _drawn_order(article, config.seed):
        if most is not None and len(by_paragraph) >= most:
            tally.paragraphs_passed_over += 1
        elif own := _passages_of_block(block, article, config, tally=tally):
            by_paragraph.append(sorted(own, key=lambda passage: seeded_hash(config.seed, passage.passage_id)))
    rounds = chain.from_iterable(zip_longest(*by_paragraph))
    ranked = {passage.passage_id: passage for passage in rounds if passage is not None}
    tally.passages_dropped["duplicates"] += sum(map(len, by_paragraph)) - len(ranked)
    chosen = list(ranked.values())[:most]
    tally.passages_dropped[BEYOND] += len(ranked) - len(chosen)
    return chosen


def _drawn_order(article: Article, seed: int) -> list[Block]:
    if len(article.blocks) < 2:
        return article.blocks

    def wait(place: int) -> float:
        drawn = int.from_bytes(seeded_hash(seed, f"paragraph {place}\0{article.draw_id}"), "big")
        return -math.log((drawn + 1) / 2.0**64) / max(1, len(article.blocks[place].text))

    return [article.blocks[place] for place in sorted(range(len(article.blocks)), key=wait)]


def _passages_of_block(block: Block, article: Article, config: CorpusConfig, *, tally: Tally) -> list[Passage]:
    """The passages of a paragraph, in reading order; what is too short or no prose is dropped and counted."""
    unique = _printable(article.article_id)
    passages = []
    for text in cut(clean(block.text), config.passage_chars):
        tally.passages_cut += 1
        reason = "too short" if len(text) < config.min_chars else debris_reason(text)
        if reason:
            tally.passages_dropped[reason] += 1
            continue
        passages.append(
            Passage(
                passage_id=f"{unique}#{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}",
                article_id=unique,
                article=clean(article.title),
                section=_name(block.section),
                kind=block.kind,
                language=_printable(article.language),
                topic=_name(article.topic) if article.topic else None,
                text=text,
                fold=fold_of(unique),
            )
        )
    return passages


@lru_cache(maxsize=4096)
def _name(text: str) -> str:
    """A heading or topic, cleaned; the same few come again and again."""
    return clean(text)


def _printable(text: str) -> str:
    """Without lone surrogates, which no Parquet file can hold."""
    return text.encode("utf-8", "replace").decode()
