"""Settings of the sae stage. Light: imports no torch."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from samedream.records import Config

# The user's own settings: codeDimsMultiplier, l1Strength, epochs, batchSize, topkFeatures, learningRate, seed.
ORIGINAL: dict[str, Any] = {
    "variant": "l1_topk", "expansion": 4.0, "l1_strength": 1e-3, "epochs": 100.0, "batch_rows": 512, "k": 64,
    "learning_rate": 1e-3, "seed": 4738,
}  # fmt: skip


class SAEConfig(Config):
    """How a dictionary is trained."""

    preset: Literal["original"] | None = Field(
        default=None,
        description='"original": the settings of the write-up this project began with (l1_topk, expansion 4, k 64, '
        "l1_strength 1e-3, 100 epochs of 512 rows, learning_rate 1e-3, seed 4738); keys given beside it win",
    )
    variant: Literal["batchtopk", "topk", "l1_topk"] = Field(
        default="batchtopk",
        description="batchtopk: k features per row on average, saved as JumpReLU; topk: k in every row; l1_topk: topk "
        "with an L1 penalty on what is kept",
    )
    expansion: float = Field(default=4.0, gt=0, description="features per dimension of the model (codeDimsMultiplier)")
    width: int | None = Field(default=None, ge=2, description="number of features, in place of expansion")
    k: int = Field(default=32, ge=1, description="features active per row (topkFeatures)")
    l1_strength: float | None = Field(
        default=None,
        ge=0,
        description="weight of the L1 penalty (l1Strength), for variant l1_topk only; 1e-3 there if not given",
    )
    learning_rate: float | None = Field(
        default=None, gt=0, description="peak learning rate of Adam; derived from the width if not given"
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
    layer: str | None = Field(default=None, description="which of the harvested layers; the first one when not given")
    articles: Literal["all", "first half", "second half"] = Field(
        default="all",
        description="train on all articles, or on one of two halves that share none (for a repeat on other data); the "
        "held-out articles are the same ones in all three cases",
    )
    seed: int = Field(default=4738, ge=0, description="seed of the first weights and of the order of rows")

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, given: Any) -> Any:
        """Write the preset's values out; keys that were given win."""
        if not isinstance(given, dict) or given.get("preset") != "original":
            return given
        filled = {**ORIGINAL, **given}
        if given.get("steps") is not None and given.get("epochs") is None:
            filled["epochs"] = None
        if filled["variant"] != "l1_topk" and given.get("l1_strength") is None:
            filled["l1_strength"] = None
        return filled

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            raise ValueError(f"steps ({self.steps}) and epochs ({self.epochs:g}) say the same thing: give one of them")
        if self.l1_strength is not None and self.variant != "l1_topk":
            raise ValueError(
                f'l1_strength acts on variant "l1_topk" only, the variant is "{self.variant}": leave it out, or set '
                f'variant = "l1_topk"'
            )
        return self

    def penalty(self) -> float:
        """The L1 weight in force: `l1_strength`, 1e-3 for l1_topk when not given, 0 for variants without a penalty."""
        if self.variant != "l1_topk":
            return 0.0
        return 1e-3 if self.l1_strength is None else self.l1_strength
