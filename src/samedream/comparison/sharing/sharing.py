"""What the sharing is made of: topics, boilerplate, single words, and what is left beyond them (protocol 3.4 N2, 3.7).

Every figure stands beside its own control: the corpus, the features without a match, the words of another feature, or
shuffles that ignore topics.
"""

from dataclasses import dataclass
from typing import Any

from samedream.comparison.arena import Arena
from samedream.comparison.sharing.topic_figures import flags, topics, within_topic
from samedream.comparison.sharing.word_figures import words
from samedream.comparison.view import View

Figures = dict[str, Any]
Columns = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Sharing:
    """Figures for the summary (docs/comparison.md names them all), and columns of eligible features for the table."""

    figures: Figures
    columns: Columns


def sharing(arena: Arena, a: View, b: View) -> Sharing:
    """Take the sharing apart, as far as the context of the passages allows.

    Args:
        arena: All sides.
        a: Left looking at right.
        b: Right looking at left.

    Returns:
        Figures: section → way → figures; a section is None where the context lacks what it rests on, and "missing" says
        why. Columns: side → column → values.
    """
    ways = {"a_to_b": a, "b_to_a": b}
    columns: Columns = {"a": {}, "b": {}}
    figures: Figures = {}
    missing: dict[str, str] = {}
    sections = {
        "words": words(arena, ways, columns),
        "topics": topics(arena, ways),
        "within_topic": within_topic(arena, ways, columns),
        "flags": flags(arena, ways),
    }
    for name, made in sections.items():
        figures[name] = None if isinstance(made, str) else made
        if isinstance(made, str):
            missing[name] = made
    return Sharing({**figures, "missing": missing}, columns)
