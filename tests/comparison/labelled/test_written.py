import re
from dataclasses import replace

import pyarrow as pa
import pytest
from tests.comparison.labelled.rows import both, interval, label, match, material, small, summary

from samedream.comparison.labelled.claims import SECTIONS, Section
from samedream.comparison.labelled.features import category, pairs, together
from samedream.comparison.labelled.material import Material
from samedream.comparison.labelled.written import markdown, write
from samedream.errors import ComparisonError


def section(found: Material, key: str) -> Section:
    return next(one for one in write(found).sections if one.key == key)


def changed(found: Material, **more: object) -> Material:
    """The same with something changed in every feature."""
    return replace(
        found, features={side: [replace(one, **more) for one in own] for side, own in found.features.items()}
    )


def text(found: Material, key: str) -> str:
    return " ".join(claim.text for claim in section(found, key).claims)


def test_sections_are_those_of_the_write_up() -> None:
    assert list(SECTIONS.values()) == [
        "General overlap in categories",
        "Differences in grouping granularity",
        "Stylistic emphasis",
        "Shared conceptual anchors",
        "Divergences",
        "Summary",
    ]
    assert [one.key for one in write(small()).sections] == list(SECTIONS)


def test_every_sentence_carries_figures_and_features_that_exist() -> None:
    found = small()
    written = write(found)
    known = {one.id for side in found.features.values() for one in side}
    for one in written.sections:
        for claim in one.claims:
            assert claim.figures and claim.features, claim.text
            assert set(claim.features) <= known
            assert set(claim.features) <= written.names.keys()


def test_overlap_counts_categories() -> None:
    said = text(small(), "overlap")
    assert "Both models have features of the same 2 categories: Chess (3 and 3) and Rivers (3 and 3)" in said
    assert section(small(), "overlap").gaps == [
        "fewer than 30 pairs have a category on both sides, so whether they agree is not said"
    ]


def test_pairs_of_one_category_are_held_against_chance() -> None:
    topics = ["Chess", "Rivers"] * 20
    labels = {side: [label(n, f"w{side}{n}", topics[n]) for n in range(40)] for side in "ab"}
    same = material([match(side, n, n) for side in "ab" for n in range(40)], labels)
    assert "it is the same one in 100 % [91–100 %]; dealt out at random it would be in 50 %" in text(same, "overlap")
    assert "about the same domain." in text(same, "overlap")
    swapped = [n if n % 4 < 2 else n ^ 1 for n in range(40)]  # half of the pairs cross from one category to the other
    mixed = material([match(side, n, swapped[n]) for side in "ab" for n in range(40)], labels)
    assert "whether features that fire together are about the same domain cannot be told" in text(mixed, "overlap")


def test_no_topics_no_categories() -> None:
    labels = {side: [label(n, f"w{side}{n}") for n in range(6)] for side in "ab"}
    found = material([match(side, n, n) for side in "ab" for n in range(6)], labels)
    assert section(found, "overlap").claims == []
    assert section(found, "overlap").gaps == [
        "the corpus names no topics of its articles, or no feature has a third of its activation in one"
    ]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("narrower", "One cuts finer than Two: a usual feature of One spreads over 20 [18–22] articles"),
        ("broader", "Two cuts finer than One"),
        ("no clear difference", "Neither model clearly cuts finer"),
    ],
)
def test_granularity_says_what_the_curves_say(verdict: str, said: str) -> None:
    base = summary()["granularity"]
    found = small(granularity=base | {"verdict": verdict})
    assert said in text(found, "granularity")
    level = {"narrower": "One at the finer level", "broader": "Two at the finer level"}.get(verdict, "no difference in")
    assert level in text(found, "summary")


def test_without_curves_nothing_is_said_of_fineness() -> None:
    base = summary()["granularity"]
    found = small(granularity=base | {"verdict": None, "why": "1 width can be judged"})
    assert "finer" not in text(found, "granularity") + text(found, "summary")
    assert section(found, "granularity").gaps[0] == "which model cuts finer: 1 width can be judged"


def test_names_follow_the_entity_share() -> None:
    assert "Two is the more entity-centric: 20 % [18–22 %] of the peaks of One’s" in text(small(), "style")
    base = summary()["granularity"]
    near = small(granularity=base | {"b": base["b"] | {"entity_share": interval(0.22)}})
    assert "Two is a little the more entity-centric" in text(near, "style")
    equal = dict(base["by_measure"], entity_share={"finding": "no clear difference", "margin": -1.0, "widths": 3})
    assert "Neither is clearly the more entity-centric" in text(
        small(granularity=base | {"by_measure": equal}), "style"
    )


def test_kinds_differ_only_beyond_chance() -> None:
    def of(words: int) -> Material:
        labels = {
            "a": [label(n, f"wa{n}", kind="word" if n < words else "mixed") for n in range(200)],
            "b": [label(n, f"wb{n}", kind="word" if n < 20 else "mixed") for n in range(200)],
        }
        return material([match(side, n, n) for side in "ab" for n in range(200)], labels)

    assert "One has more features that stand for one word: 30 % of One’s and 10 % of Two’s, such as “wa0”" in text(
        of(60), "style"
    )
    assert "stand for one word" not in text(of(28), "style")
    assert "word" in section(of(28), "style").gaps[0]


def test_anchors_are_one_to_one_pairs_by_category() -> None:
    said = [claim.text for claim in section(small(), "anchors").claims]
    assert said[0] == (
        "Chess: 3 pairs choose each other, such as “chess, king” and “chess, king, more0” (r = .90), “rook, pawn” and "
        "“rook, pawn, more1” (r = .89) and “bishop, board” and “bishop, board, more4” (r = .86)."
    )
    nothing = changed(small(), kind_of_match="unstable")
    assert section(nothing, "anchors").claims == []
    assert section(nothing, "anchors").gaps == ["no two features choose each other and pass the test"]


def test_an_anchor_is_named_by_the_labels_that_hold() -> None:
    holds, fails = changed(small(), badge="weak"), changed(small(), badge="none")
    one_side = replace(holds, features={"a": holds.features["a"], "b": fails.features["b"]})
    expected = "Chess: 3 pairs choose each other, such as “chess, king” (r = .90; the label of its match does not hold)"
    assert expected in text(one_side, "anchors")
    assert "Chess: 3 pairs choose each other; none has a label that can name it." in text(fails, "anchors")
    assert section(fails, "anchors").claims[0].features == ["a:0", "b:0"]


def test_refuted_labels_are_no_examples() -> None:
    found = changed(small(), badge="fair")
    for own in found.features.values():
        own[0] = replace(own[0], badge="none")
    said = text(found, "anchors")
    assert "chess, king" not in said and "rook, pawn" in said
    assert "12 of 14 labels are at least fair" in write(found).notes[1]
    assert "not scored" in write(small()).notes[1]


def test_divergences_need_a_repeat() -> None:
    assert "1 feature of One (14 %) is found again" in text(small(), "divergences")
    assert "“opera, aria” (r = .05 there, .90 in itself)" in text(small(), "divergences")
    found = section(changed(small(), repeat_r=None), "divergences")
    assert found.claims == []
    assert found.gaps[0] == "what One alone has: One was not trained again, so a feature without a partner may be luck"


def test_what_is_alone_may_gather_in_a_category() -> None:
    labels = {side: [label(n, f"w{side}{n}", "Opera" if n < 30 else "Chess") for n in range(200)] for side in "ab"}
    matches = [match("a", n, None if n < 27 else n, firing_rate=0.01) for n in range(200)]
    matches += [match("b", n, n) for n in range(200)]
    said = text(material(matches, labels), "divergences")
    assert "Without a partner are 14 % of One’s features, but 90 % [74–97 %] on Opera (such as “wa0”)." in said
    assert "but only 0 % [0–2.2 %] on Chess" in said


def test_summary_gives_the_answer_or_says_why_not() -> None:
    said = text(small(), "summary")
    assert "57 % [55–59 %] of One’s stable features are also in Two; on a scale" in said
    assert "Both group concepts in similar directions, more than random twins and less than one model twice" in said
    unsure = small(normalised={way: interval(0.01) for way in ("a_to_b", "b_to_a")})
    assert "Whether they group concepts in similar directions cannot be told" in text(unsure, "summary")
    nothing = small(shared_fraction={"a_to_b": None, "b_to_a": None}, normalised={"a_to_b": None, "b_to_a": None})
    assert "stable" not in text(nothing, "summary") and "similar directions" not in text(nothing, "summary")
    assert section(nothing, "summary").gaps[0] == "what share of One’s stable features is in Two cannot be told"


def test_a_perfect_match_is_not_called_less_than_one_model_twice() -> None:
    assert "as one model trained twice may" in text(small(normalised=both(0.99, 0.97)), "summary")


def test_label_transfer_enters_the_summary() -> None:
    one = {"own": interval(0.8), "transferred": interval(0.75), "shuffled": interval(0.5), "kept": interval(0.83)}
    found = replace(small(), labelled={"transfer": {"a_to_b": {"rule": one}, "b_to_a": {"rule": {"kept": None}}}})
    said = text(found, "summary")
    assert "labels of One tell where the matched features of Two fire with an AUC of .75 [.73–.77]" in said
    assert "they keep 83 % [81–85 %] of what the own label adds" in said
    assert said.count("AUC") == 1


def test_markdown_cites_features_by_model_and_number() -> None:
    page = markdown(write(small()))
    assert page.startswith("# Comparison of One and Two\n")
    assert "[One #0, Two #0, One #1, Two #1, One #4, Two #4]" in page
    assert re.search(r"^- Not said: fewer than 30 pairs", page, re.M)


def test_a_category_needs_a_third_and_a_name() -> None:
    assert category(["Chess", "Arts"], [0.2, 0.5]) == "Arts"
    assert category(["Chess"], [0.33]) is None
    assert category(["Uncategorized", "Chess"], [0.6, 0.35]) == "Chess"
    assert category([], []) is None


def test_pairs_are_mutual_and_sorted() -> None:
    found = pairs(small().features)
    assert [one.number for one, _ in found] == [0, 1, 2, 3, 4, 5]
    assert all(one.partner == other.number for one, other in found)


def test_labels_of_another_dictionary_are_an_error() -> None:
    matches = pa.Table.from_pylist([match("a", 0, 0), match("b", 0, 0)])
    labels = {side: pa.Table.from_pylist([label(0, "x"), label(1, "y")]) for side in "ab"}
    with pytest.raises(ComparisonError, match=r"side a has 1 features and 2 labels: the labels are of another dict"):
        together(matches, labels)
