"""samedream: do two language models dream of the same electric sheep?

Four calls and their settings; each is imported when it is first used, so that `import samedream` stays light.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "read_passages": "samedream.corpus.sources",
    "CorpusConfig": "samedream.corpus.config",
    "harvest": "samedream.activations.harvest",
    "HarvestConfig": "samedream.activations.config",
    "train_sae": "samedream.sae.training",
    "SAEConfig": "samedream.sae.config",
    "compare": "samedream.comparison.compare",
    "ComparisonConfig": "samedream.comparison.config",
}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from samedream.artifacts import code_version

        return code_version()
    if name not in _HOME:
        raise AttributeError(f"module 'samedream' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
