"""Settings of the activations stage."""

from typing import Any, Literal

from pydantic import Field, StrictFloat, StrictInt, field_validator

from samedream.records import Config

Layer = StrictInt | StrictFloat | Literal["last"]
Position = StrictInt | Literal["tokens", "mean", "last"]


class HarvestConfig(Config):
    """What is read off a model. Device and threads are the machine's, not settings."""

    layers: tuple[Layer, ...] = Field(
        ("last",), description='blocks: an index (negative too), a relative depth in (0, 1], or "last"; one or several'
    )
    final_norm: bool = Field(False, description="take the last block after the model's final norm instead of before it")
    position: Position = Field(
        "tokens",
        description='"tokens": one vector per token; "mean", "last" or a token\'s index (-2: the second to last): one '
        "vector per passage",
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="numbers to compute in; auto: bfloat16 where the processor really has it, else float32"
    )
    context_tokens: int = Field(
        512, ge=2, description="passages of more tokens (or more than the model reads) are left out"
    )
    batch_tokens: int | None = Field(
        None, ge=1, description="tokens in one forward, padding included; by default 1,024 on a CPU and 16,384 on a GPU"
    )
    shard_passages: int = Field(512, ge=1, description="passages in one shard: what an interrupted run loses at most")
    sink_ratio: float = Field(
        10.0, gt=1, description="rows with a norm above this times the layer's median (attention sinks) are left out"
    )
    allow_pickle: bool = Field(False, description="load weights that are a Python pickle: they can run any code")
    allow_remote_code: bool = Field(False, description="run Python code that comes with the model")

    @field_validator("layers", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return value if isinstance(value, list | tuple) else (value,)

    @field_validator("layers")
    @classmethod
    def _fit(cls, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        if not layers:
            raise ValueError('at least one layer, for example "last"')
        for layer in layers:
            if isinstance(layer, float) and not 0 < layer <= 1:
                raise ValueError(f"a relative depth lies in (0, 1], {layer} does not; an index is a whole number")
        return layers
