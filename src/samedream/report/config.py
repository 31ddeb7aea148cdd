"""Settings of the report: how much of the study is shown."""

from pydantic import Field

from samedream.records import Config


class ReportConfig(Config):
    """How many pairs and passages the page shows. Nothing here changes a figure of the study."""

    best: int = Field(30, ge=0, le=300, description="best matched pairs shown for each two models")
    random: int = Field(20, ge=0, le=300, description="matched pairs drawn at random for each two models")
    only_here: int = Field(6, ge=0, le=100, description="features without a partner shown for each model")
    passages: int = Field(6, ge=1, le=20, description="passages shown for each pair")
    seed: int = Field(4738, ge=0, description="seed of the random sample of pairs")
