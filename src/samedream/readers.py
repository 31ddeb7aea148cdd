"""The names of readers, which are everything that has a dictionary: what a name says, written once.

A model's own name stands for its dictionary. ``.w640`` after it is a further dictionary, 640 wide, ``.random`` the
model's random twin; ``.repeat`` at the end is the same once more, trained with another seed.
"""

import re

REPEAT = "repeat"
RANDOM = "random"
_WIDTH = re.compile(r"\.w\d+$")


def repeat_of(reader: str) -> str:
    """The name of a reader's repeat."""
    return f"{reader}.{REPEAT}"


def twin_of(model: str) -> str:
    """The name of a model's random twin."""
    return f"{model}.{RANDOM}"


def at_width(model: str, width: int) -> str:
    """The name of a model's further dictionary of this width."""
    return f"{model}.w{width}"


def width_of(reader: str) -> int | None:
    """The width that a reader's name says, None for the study's own."""
    found = _WIDTH.search(reader.removesuffix(f".{REPEAT}"))
    return int(found[0][2:]) if found else None


def states_of(reader: str) -> str:
    """Whose hidden states a reader has its dictionary of: the model's, or its random twin's."""
    return _WIDTH.sub("", reader.removesuffix(f".{REPEAT}"))


def is_taken(name: str) -> bool:
    """Whether a model of this name could be taken for another model's repeat, twin or further dictionary."""
    return name.endswith((f".{REPEAT}", f".{RANDOM}")) or _WIDTH.search(name) is not None
