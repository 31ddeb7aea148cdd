"""Any source of text → passages: the common ground that every model of a study reads.

Algorithm
    1. *Read* (`files`, `streams`, `archives`, `release`, `tables`, `plain`): every file of the source, zip members in
       place, becomes articles. What cannot be read is quarantined and counted, never fatal.
    2. *Clean and cut* (`passages`, `cleaning`, `cutting`, `debris`): a lead or paragraph becomes consecutive passages
       that end at a sentence end, else at a word end; what is too short or no prose is dropped and counted.
    3. *Draw* (`sampling`): each passage has a key, a hash of the seed, its article and its rank in the article. The
       passages with the smallest keys are kept: a uniform sample over the whole source, the same whatever the order or
       the chunking of its files, in memory bounded by the sample. It is a bottom-k sketch (Cohen and Kaplan, 2007,
       "Summarizing data using bottom-k sketches", PODC).
    4. *Drop near-duplicates* (`duplicates`): MinHash over three-word shingles (Broder, 1997); the smaller key stays.

The rows of `passages.parquet` are in the order of their keys, that is in random order: the first n rows are themselves
the sample of n passages. A reader that takes "the first ones" cannot get a sample unlike the one that was trained on.

Files written
    corpus/passages.parquet   passage_id, article_id, article, section, kind, language, topic, text, fold
    corpus/manifest.json      settings, counts of all that was read, kept, dropped and quarantined, checksums
"""

from samedream.corpus.config import CorpusConfig

__all__ = ["CorpusConfig"]
