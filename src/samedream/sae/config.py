"""Settings of the sae stage. Light: imports no torch."""

from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from samedream.records import Config

# The user's own settings: codeDimsMultiplier, l1Strength, epochs, batchSize, topkFeatures, learningRate, seed.
ORIGINAL: dict[str, Any] = {
    "variant": "l1_topk", "expansion": 4.0, "l1_strength": 1e-3, "epochs": 100.0, "batch_rows": 512, "k": 64,
    "learning_rate": 1e-3, "seed": 4738,
}  # fmt: skip

L1_STRENGTH = {"l1_topk": 1e-3, "l1": 7e-3}  # the variants with an L1 penalty, and its weight when not given
NESTED = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)


class SAEConfig(Config):
    """How a dictionary is trained."""

    preset: Literal["original"] | None = Field(
        default=None,
        description='"original": the settings of the write-up this project began with (l1_topk, expansion 4, k 64, '
        "l1_strength 1e-3, 100 epochs of 512 rows, learning_rate 1e-3, seed 4738); keys given beside it win",
    )
    variant: Literal["batchtopk", "topk", "l1_topk", "l1", "matryoshka", "jumprelu", "frozen"] = Field(
        default="batchtopk",
        description="batchtopk: k features per row on average, saved as JumpReLU; topk: k in every row; l1_topk: topk "
        "with an L1 penalty on what is kept; l1: no k, the L1 penalty alone; matryoshka: batchtopk of nested "
        "dictionaries; jumprelu: every feature learns its threshold, k on average; frozen: batchtopk whose decoder "
        "stays random, a baseline",
    )
    expansion: float = Field(default=4.0, gt=0, description="features per dimension of the model (codeDimsMultiplier)")
    width: int | None = Field(default=None, ge=2, description="number of features, in place of expansion")
    k: int = Field(default=32, ge=1, description="features active per row (topkFeatures)")
    l1_strength: float | None = Field(
        default=None,
        ge=0,
        description="weight of the L1 penalty (l1Strength), for variants l1_topk and l1 only; 1e-3 in l1_topk, 7e-3 in "
        "l1 if not given",
    )
    nested: tuple[float, ...] | None = Field(
        default=None,
        description="shares of the features that the nested dictionaries hold, ascending, the last 1, for variant "
        "matryoshka only; 1/16, 1/8, 1/4, 1/2, 1 there if not given",
    )
    learning_rate: float | None = Field(
        default=None, gt=0, description="peak learning rate of Adam; derived from steps and width if not given"
    )
    batch_rows: int = Field(default=1024, ge=2, description="hidden states per step (batchSize)")
    steps: int | None = Field(
        default=None, ge=1, description="training steps; derived from the number of rows if not given"
    )
    epochs: float | None = Field(default=None, gt=0, description="passes over the rows, in place of steps")
    aux_k: int | None = Field(
        default=None,
        ge=1,
        description="dead features that learn from each row's residual; half of the model's width if not given",
    )
    moments: tuple[float, ...] = Field(
        default=(),
        description="shares of the run, in (0, 1], at which the dictionary as it is then is kept in moments/step-…, to "
        "watch features form",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="stop when half of the held-out rows were not reconstructed better for so many looks (20 looks a "
        "run), and take the best dictionary; health is then measured on the other half. Not given: run to the end",
    )
    layer: str | None = Field(default=None, description="which of the harvested layers; the first one when not given")
    articles: Literal["all", "first half", "second half"] = Field(
        default="all",
        description="train on all articles, or on one of two halves that share none (for a repeat on other data); the "
        "held-out articles are the same ones in all three cases",
    )
    downstream_passages: int = Field(
        default=48,
        ge=0,
        description="held-out passages on which the model's own loss is measured with the dictionary's reconstructions "
        "in place of its hidden states; 0: not measured",
    )
    seed: int = Field(default=4738, ge=0, lt=2**63, description="seed of the first weights and of the order of rows")

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, given: Any) -> Any:
        """Write the preset's values out; keys that were given win."""
        if not isinstance(given, dict) or given.get("preset") != "original":
            return given
        filled = {**ORIGINAL, **given}
        if given.get("steps") is not None and given.get("epochs") is None:
            filled["epochs"] = None
        if filled["variant"] not in L1_STRENGTH and given.get("l1_strength") is None:
            filled["l1_strength"] = None
        return filled

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            raise ValueError(f"steps ({self.steps}) and epochs ({self.epochs:g}) say the same thing: give one of them")
        if self.l1_strength is not None and self.variant not in L1_STRENGTH:
            raise ValueError(
                f'l1_strength acts on variants "l1_topk" and "l1" only, the variant is "{self.variant}": leave it out, '
                f'or set variant = "l1_topk"'
            )
        if self.nested is not None and self.variant != "matryoshka":
            raise ValueError(
                f'nested acts on variant "matryoshka" only, the variant is "{self.variant}": leave it out, or set '
                f'variant = "matryoshka"'
            )
        if self.nested is not None and not _ascending(self.nested):
            raise ValueError(
                f"nested is {list(self.nested)}: expected shares of the features above 0, ascending, the last one 1"
            )
        if not all(0 < share <= 1 for share in self.moments):
            raise ValueError(f"moments is {list(self.moments)}: expected shares of the run, above 0 and at most 1")
        return self

    def penalty(self) -> float:
        """The L1 weight in force: `l1_strength`, or the variant's default; 0 for variants without a penalty."""
        return L1_STRENGTH.get(self.variant, 0.0) if self.l1_strength is None else self.l1_strength

    def nested_shares(self) -> tuple[float, ...]:
        """The nested dictionaries in force, as shares of the features."""
        return NESTED if self.nested is None else self.nested


def _ascending(shares: tuple[float, ...]) -> bool:
    """Whether shares are above 0, ascending, the last one 1."""
    return bool(shares) and shares[-1] == 1.0 and all(low < high for low, high in pairwise((0.0, *shares)))
