"""Settings of the corpus stage."""

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from samedream.records import Config

SAMPLE = "sample"


class CorpusConfig(Config):
    """Where the text comes from, how it is cut and how much of it is kept."""

    source: str = Field(
        default=SAMPLE,
        min_length=1,
        description='"sample" (leads of Wikipedia\'s vital articles, shipped with samedream), or a path: a file or a '
        "directory of .jsonl/.ndjson (also .gz, .xz, .zst, .bz2), .parquet or .txt, or a .zip of these, read in place",
    )
    languages: tuple[str, ...] | None = Field(
        default=None,
        description='languages to keep, as the source spells them (["en", "fr"]); [] keeps all; left out, the sample '
        "is read in English and any other source in all its languages. Text of unknown language is always kept",
    )
    passages: PositiveInt | None = Field(
        default=None, description="how many passages to keep, a seeded sample over the whole source; left out, all"
    )
    passages_per_article: PositiveInt | Literal["auto", "all"] = Field(
        default="auto",
        description='at most this many passages of one article. "auto" is 1, because the article is the unit of all '
        'statistics and breadth beats depth, but "all" for plain text and where id_column groups rows into articles',
    )
    passage_chars: int = Field(default=250, ge=20, le=100_000, description="a passage has at most this many characters")
    min_chars: int = Field(default=80, ge=1, description="a passage with fewer characters is dropped")
    sections: Literal["abstract", "paragraphs", "both"] = Field(
        default="both", description="of encyclopedia articles: only the lead, only the paragraphs below it, or both"
    )
    drop_near_duplicates: bool = Field(
        default=True, description="drop a passage that shares 70 % of its three-word sequences with one already kept"
    )
    text_column: str | None = Field(
        default=None, description="the column that holds the text; found by its name when left out"
    )
    id_column: str | None = Field(
        default=None, description="the column that names the article; rows with the same value are one article"
    )
    title_column: str | None = Field(default=None, description="the column that holds the title")
    topic_column: str | None = Field(default=None, description="the column that holds a topic or label")
    language_column: str | None = Field(default=None, description="the column that holds the language")
    seed: int = Field(default=4738, ge=0, description="seed of the sample")

    @model_validator(mode="after")
    def _lengths_fit(self) -> Self:
        if self.min_chars > self.passage_chars:
            raise ValueError(
                f"min_chars is {self.min_chars} and passage_chars {self.passage_chars}: no passage could be long "
                f"enough. Give a min_chars of at most passage_chars"
            )
        return self

    def wanted_languages(self, source: str) -> frozenset[str]:
        """The languages to keep of `source`; empty: all."""
        if self.languages is None:
            return frozenset({"en"}) if source == SAMPLE else frozenset()
        return frozenset(language.casefold() for language in self.languages)
