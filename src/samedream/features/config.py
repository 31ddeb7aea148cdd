"""Settings of the features stage."""

from pydantic import Field, model_validator

from samedream.records import Config


class FeaturesConfig(Config):
    """How many exemplars each stratum keeps, and where the strata lie."""

    top: int = Field(10, ge=1, description="exemplars with the strongest activation")
    middle: int = Field(5, ge=0, description="exemplars from the middle band of the feature's maximum")
    weak: int = Field(5, ge=0, description="exemplars from the weak band of the feature's maximum")
    near_miss: int = Field(5, ge=0, description="passages that come closest to exciting the feature, but do not")
    middle_band: tuple[float, float] = Field(
        (0.4, 0.6), description="middle exemplars lie in [low, high) of the feature's maximum"
    )
    weak_band: tuple[float, float] = Field(
        (0.05, 0.2), description="weak exemplars lie in [low, high) of the feature's maximum"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the sample of middle and weak exemplars")

    @model_validator(mode="after")
    def _bands_are_ordered(self) -> "FeaturesConfig":
        weak_low, weak_high = self.weak_band
        middle_low, middle_high = self.middle_band
        if not 0 <= weak_low < weak_high <= middle_low < middle_high <= 1:
            raise ValueError(
                f"weak_band {self.weak_band} and middle_band {self.middle_band} must satisfy "
                f"0 <= weak low < weak high <= middle low < middle high <= 1"
            )
        return self

    @property
    def exemplars(self) -> int:
        """Exemplars of one feature in all strata together."""
        return self.top + self.middle + self.weak + self.near_miss
