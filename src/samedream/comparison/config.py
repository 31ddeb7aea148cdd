"""The settings of the comparison."""

from pydantic import Field

from samedream.records import Config


class ComparisonConfig(Config):
    """How two dictionaries are compared; what is not here is fixed by the protocol (docs/comparison.md)."""

    keep_per_passage: int | None = Field(
        default=64,
        ge=1,
        description="keep only this many features per passage, the strongest relative to their own maximum (and every "
        "feature's own strongest passages); none keeps all",
    )
    min_passages: int = Field(
        default=30, ge=2, description="features that fire in fewer passages are 'too rare to tell'"
    )
    permutations: int = Field(
        default=100, ge=20, description="how often the articles are shuffled to learn what chance alone gives"
    )
    seed: int = Field(default=0, ge=0, description="seed of the split into halves, the groups and the shuffles")
    dense: bool = Field(
        default=True, description="also compare the spaces as a whole (CKA, neighbours, ...): some seconds"
    )
