"""The names of readers, which are everything that has a dictionary: what a name says, written once.

A model's own name stands for its dictionary. ``.w640`` after it is a further dictionary, 640 wide, ``.random`` the
model's random twin, ``.frozen`` a dictionary of the model whose directions stayed random; ``.repeat`` at the end is the
same once more, trained with another seed.
"""

import re
from collections.abc import Sequence

REPEAT = "repeat"
RANDOM = "random"
FROZEN = "frozen"
EMBEDDING = "embedding"  # no reader: a directory beside the models' labels
ANSWERS = "answers"  # nor this: what a language model answered about all models' features
_WIDTH = re.compile(r"\.w\d+$")


def slug(name: str) -> str:
    """A model's name as a directory: lower case, letters, digits, dots and single hyphens."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "model"


def repeat_of(reader: str) -> str:
    """The name of a reader's repeat."""
    return f"{reader}.{REPEAT}"


def twin_of(model: str) -> str:
    """The name of a model's random twin."""
    return f"{model}.{RANDOM}"


def frozen_of(model: str) -> str:
    """The name of a model's dictionary of random directions."""
    return f"{model}.{FROZEN}"


def is_frozen(reader: str) -> bool:
    """Whether a reader is a dictionary of random directions."""
    return reader.endswith(f".{FROZEN}")


def at_width(model: str, width: int) -> str:
    """The name of a model's further dictionary of this width."""
    return f"{model}.w{width}"


def width_of(reader: str) -> int | None:
    """The width that a reader's name says, None for the study's own."""
    found = _WIDTH.search(reader.removesuffix(f".{REPEAT}"))
    return int(found[0][2:]) if found else None


def states_of(reader: str) -> str:
    """Whose hidden states a reader has its dictionary of: the model's, or its random twin's."""
    return _WIDTH.sub("", reader.removesuffix(f".{REPEAT}").removesuffix(f".{FROZEN}"))


def check_models(names: Sequence[str]) -> None:
    """See that no model could be taken for another one, or for what is beside one.

    Raises:
        ValueError: Two models of one name, or a name that samedream gives itself.
    """
    for name in names:
        if name == EMBEDDING:
            raise ValueError(f"a model cannot be called {name!r}: the passages' embedding is; give it another name")
        if name == ANSWERS:
            raise ValueError(f"a model cannot be called {name!r}: a language model's answers are; give it another name")
        if names.count(name) > 1:
            raise ValueError(f"two models are called {name!r}; give one of them another name = ...")
        if name.endswith((f".{REPEAT}", f".{RANDOM}", f".{FROZEN}")) or _WIDTH.search(name):
            raise ValueError(
                f"a model is called {name!r}, as samedream calls a dictionary of its own (.repeat, .random, .frozen, "
                f".w and a width); give it another name = ..."
            )
