import pytest

from samedream.labels.kinds import Traits, Trigger, describe, diverse, related


def words(*pairs, functional=()):
    return [Trigger(name, share, name[0].isalnum(), name in functional) for name, share in pairs]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("at", "At", True),  # too short for a stem, but one word
        ("opening", "openings", True),
        ("Physics", "physicist", True),
        ("art", "arts", True),
        ("chess", "cheese", False),  # "che": three letters
        ("painter", "painting", True),
        ("in", "into", False),  # too short for a plural
        ("river", "rival", False),
        ("one", "one", True),
    ],
)
def test_related(a, b, same):
    assert related(a, b) is related(b, a) is same


def test_diverse_skips_words_of_a_chosen_stem():
    keywords = ["chess", "openings", "opening", "chessboard", "king"]
    assert diverse(keywords, 3) == ["chess", "openings", "king"]
    assert diverse(keywords, 3, ["king"]) == ["chess", "openings"]


TOPICAL = ["chess", "openings", "king", "rook"]


@pytest.mark.parametrize(
    ("traits", "kind", "label"),
    [
        (Traits(words(("chess", 0.6), ("rook", 0.4)), TOPICAL), "word", "chess, openings, king"),
        (Traits(words(("the", 0.7), functional=("the",)), TOPICAL), "word", 'word "the"'),
        (Traits(words((",", 0.5), (".", 0.3), (")", 0.1)), TOPICAL), "punctuation", 'punctuation ",", "."'),
        (Traits(words((",", 0.59), ("chess", 0.41)), TOPICAL), "mixed", "chess, openings, king"),
        (
            Traits(words(("opening", 0.4), ("openings", 0.3), ("rook", 0.3)), TOPICAL),
            "word family",
            "opening, openings, chess",
        ),
        (
            Traits(words(("1914", 0.3), ("1920s", 0.2), ("2001", 0.2), ("in", 0.3)), TOPICAL),
            "word family",
            "years (1914, 1920s, 2001)",
        ),
        (Traits(words(("12", 0.4), ("1,234", 0.3), ("km", 0.3)), TOPICAL), "word family", "numbers (12, 1,234)"),
        (
            Traits(words(("in", 0.4), ("of", 0.3), ("Paris", 0.3), functional=("in", "of")), TOPICAL),
            "word family",
            'words "in", "of"',
        ),
        (
            Traits(words(("a", 0.2), ("b", 0.2)), TOPICAL, at_start=0.75),
            "position",
            "start of passage (chess, openings, king)",
        ),
        (Traits([], TOPICAL, at_end=0.8), "position", "end of passage (chess, openings, king)"),
        (Traits([], TOPICAL, firing_rate=0.51, topic=(0.9, 8.0)), "dense", "chess, openings, king"),
        (Traits([], TOPICAL, topic=(0.5, 2.0)), "topic", "chess, openings, king"),
        (Traits([], TOPICAL, topic=(0.5, 1.9)), "mixed", "chess, openings, king"),
        (Traits(words(("a", 0.3), ("b", 0.2)), []), "mixed", '"a", "b"'),
        (Traits(words(("a", 0.3), ('"', 0.2)), []), "mixed", '"a", \'"\''),
        (Traits([], [], at_end=0.8), "position", "end of passage"),
        (Traits([], []), "mixed", "unclear"),
    ],
)
def test_kind_and_label(traits, kind, label):
    assert describe(traits, 3)[:2] == (kind, label)
