"""Planted dictionaries: a world of articles with topics, and subjects within the topics.

A broad feature is a topic, a narrow one a subject of it. A dictionary of any width draws its features anew.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from samedream.comparison.blocks import split_blocks
from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context, Rung
from samedream.comparison.granularity.curves import Step, breadths, split_into, step
from samedream.comparison.granularity.granularity import verdict
from samedream.errors import ComparisonError
from samedream.records import Interval

PASSAGES, SUBJECTS, PARTS = 1800, 90, 3
BLOCKS = split_blocks(np.arange(PASSAGES) // 2, PASSAGES, 0)
SIDES = ("left", "right", "left_repeat", "right_repeat")
WIDTHS = (30, 60, 120)


def world(rng):
    """The subject of each passage."""
    return rng.permutation(np.arange(PASSAGES) // 2 % SUBJECTS)


def dictionary(rng, subject, width, *, broad, cut=0.0):
    """Features of the given width; `cut`: a firing threshold, as a share of each feature's maximum."""
    mine = rng.integers(0, SUBJECTS, width)
    inside = subject[:, None] // PARTS == mine // PARTS if broad else subject[:, None] == mine
    on = (inside & (rng.random(inside.shape) < 0.97)) | (rng.random(inside.shape) < rng.uniform(0.0, 0.003, width))
    dense = on * rng.lognormal(0, 0.3, on.shape)
    dense *= dense > cut * dense.max(axis=0)
    return sparse.csr_array((dense * rng.lognormal(0, 2, width)).astype(np.float32))


def rung(rng, subject, widths, *, broad, cut=(0.0, 0.0)):
    def of(side):
        return dictionary(rng, subject, widths[side], broad=broad[side], cut=cut[side])

    return Rung(sides={name: of(int(name.startswith("right"))) for name in SIDES})


def judged(rungs):
    return verdict([step(one, breadths(one, BLOCKS, None)) for one in rungs])


def test_features_that_are_parts_of_the_others_are_narrower_at_every_width():
    rng = np.random.default_rng(0)
    subject = world(rng)
    there = [rung(rng, subject, (width, width), broad=(False, True)) for width in WIDTHS]
    found = judged(there)
    assert found["verdict"] == "narrower"
    assert found["why"] is None
    assert 0.2 < found["margin"] < np.log2(PARTS)
    swap = {"left": "right", "right": "left", "left_repeat": "right_repeat", "right_repeat": "left_repeat"}
    back = judged([Rung(sides={swap[name]: matrix for name, matrix in one.sides.items()}) for one in there])
    assert back["verdict"] == "broader"
    assert back["margin"] == pytest.approx(found["margin"])
    inside = step(there[-1], breadths(there[-1], BLOCKS, None)).inside
    assert inside["a_in_b"] > 0.3 > 10 * inside["b_in_a"]
    assert max(inside["a_in_repeat"], inside["repeat_in_a"]) < 0.1


def test_dictionaries_of_one_kind_differ_in_none_whatever_their_gains_and_thresholds():
    found = []
    for seed in range(20):
        rng = np.random.default_rng(100 + seed)
        subject = world(rng)
        kind = bool(seed % 2)
        found.append(
            judged([rung(rng, subject, (n, n), broad=(kind, kind), cut=(0.0, 0.18)) for n in (30, 60)])["verdict"]
        )
    assert found.count("no clear difference") >= 18


def test_width_alone_and_one_width_alone_give_no_verdict():
    rng = np.random.default_rng(3)
    subject = world(rng)
    unequal = [rung(rng, subject, (n, 2 * n), broad=(False, True)) for n in WIDTHS]
    assert judged(unequal) == {
        "verdict": None,
        "why": "0 widths can be judged, at least 2 are needed, each the same for both models and with their repeats",
        "measure": "effective_articles",
        "margin": None,
    }
    one = rung(rng, subject, (60, 60), broad=(False, True))
    assert judged([one, *unequal])["why"].startswith("1 width can be judged, at least 2 are needed")
    bare = replace(one, sides={name: one.sides[name] for name in SIDES[:3]})
    assert judged([bare, bare])["verdict"] is None


def a_step(widths, **differences):
    """A step with given differences, each (value, half its interval); seeds differ by .1 and -.2."""
    found = {key: Interval(value, value - reach, value + reach) for key, (value, reach) in differences.items()}
    seeds = {side: {key: Interval(off, off - 1, off + 1) for key in found} for side, off in (("a", 0.1), ("b", -0.2))}
    return Step(widths, counted={}, mean={}, difference=found, seeds=seeds, inside={}, fit={})


def test_the_margin_by_hand():
    clear = a_step((30, 30), effective_articles=(-1.0, 0.5))
    assert clear.margin("effective_articles") == (-1, pytest.approx(0.5 - 0.2))
    assert clear.margin("effective_topics") is None
    barely = a_step((60, 60), effective_articles=(-0.8, 0.55))
    assert verdict([clear, barely])["verdict"] == "narrower"
    assert verdict([clear, barely])["margin"] == pytest.approx(0.05)
    within_seeds = a_step(
        (60, 60), effective_articles=(-0.8, 0.65)
    )  # its interval excludes 0, by less than seeds differ
    assert verdict([clear, within_seeds])["verdict"] == "no clear difference"
    assert verdict([clear, within_seeds])["margin"] == pytest.approx(-0.05)
    crossing = a_step((60, 60), effective_articles=(1.0, 0.5))
    assert verdict([clear, crossing])["verdict"] == "no clear difference"


def test_measures_that_contradict_each_other_give_no_clear_difference():
    steps = [a_step((n, n), effective_articles=(-1.0, 0.5), effective_words=(1.0, 0.5)) for n in (30, 60)]
    found = verdict(steps)
    assert found["verdict"] == "no clear difference"
    assert found["why"] == "effective articles differ one way, effective words the other"


def test_means_by_hand_and_their_difference():
    activity = np.zeros((PASSAGES, 3), np.float32)
    activity[::2, 0] = 1  # 900 articles
    activity[:50, 1] = 1  # 25 articles
    activity[:9, 2] = 1  # too rare to count
    double = np.zeros((PASSAGES, 2), np.float32)
    double[:, 0] = 1
    double[:100, 1] = 1
    one = Rung(sides={"left": sparse.csr_array(activity), "right": sparse.csr_array(double)})
    found = step(one, breadths(one, BLOCKS, None))
    assert found.width == (3, 2)
    assert found.counted == {"a": 2, "b": 2}
    assert found.mean["a"]["effective_articles"].value == pytest.approx(np.sqrt(900 * 25))
    assert found.mean["b"]["effective_articles"].value == pytest.approx(np.sqrt(900 * 50))
    assert found.difference["effective_articles"].value == pytest.approx(-0.5)
    assert found.difference["firing_rate"].value == pytest.approx(-1.0)
    assert found.seeds == {}
    assert list(found.inside) == ["a_in_b", "b_in_a"]


def test_a_small_dictionary_comes_apart_in_a_large_one():
    rng = np.random.default_rng(7)
    subject = world(rng)
    small, large = (Rung(sides={"left": dictionary(rng, subject, width, broad=width == 30)}) for width in (30, 240))
    found = split_into(small, large, "left")
    assert (found["from"], found["to"]) == (30, 240)
    assert found["split"] > 0.9
    assert found["merged"] == 0.0
    assert found["children"] > 0.15
    assert found["parents_as_children"] == 0.0


@pytest.fixture(scope="module")
def compared():
    rng = np.random.default_rng(9)
    subject = world(rng)
    own, other = (rung(rng, subject, (n, n), broad=(False, True)) for n in (60, 40))
    context = Context(topics=subject // 30, widths=(other,), fit={"left": {"l0": 32.0}})
    quick = ComparisonConfig(permutations=20, min_passages=10)
    sides = dict(own.sides)
    left, right = sides.pop("left"), sides.pop("right")
    return compare(left, right, np.arange(PASSAGES) // 2, quick, **sides, context=context)


def test_a_comparison_with_widths_says_which_cuts_finer(compared):
    found = compared.granularity
    assert found["verdict"] == "narrower"
    assert found["by_measure"]["effective_articles"]["finding"] == "a lower"
    assert [curve["width"] for curve in found["curves"]] == [(40, 40), (60, 60)]
    assert [set(curve["difference"]) for curve in found["curves"]] == [
        {"firing_rate", "effective_passages", "effective_articles", "effective_topics"}
    ] * 2
    assert found["a"] == found["curves"][1]["a"]
    assert found["curves"][1]["fit"] == {"a": {"l0": 32.0}}
    assert found["margin"] == min(
        -curve["difference"]["effective_articles"]["high"]
        - max(abs(curve["seeds"][side]["effective_articles"]["value"]) for side in ("a", "b"))
        for curve in found["curves"]
    )
    assert set(found["splits"]["a"]) == {"from", "to", "split", "merged", "children", "parents_as_children"}


def test_the_table_has_the_measures_of_every_feature_that_fires(compared):
    rows = compared.matches.to_pylist()
    assert all(1 - 1e-9 <= row["effective_topics"] <= 3 + 1e-9 for row in rows if row["passages"])
    assert compared.matches["effective_words"].null_count == compared.matches["entity_share"].null_count == 120
    side = {one: [row["effective_articles"] for row in rows if row["side"] == one] for one in ("a", "b")}
    mean = 2 ** np.mean(np.log2(side["a"]))
    assert compared.granularity["a"]["effective_articles"]["value"] == pytest.approx(mean)


def test_widths_on_other_passages_are_an_error(compared):
    rng = np.random.default_rng(9)
    own = rung(rng, world(rng), (40, 40), broad=(True, True))
    wrong = Rung(sides={**own.sides, "right": own.sides["right"][:10]})
    with pytest.raises(ComparisonError) as error:
        breadths(wrong, BLOCKS, None)
    assert str(error.value) == (
        "right at width 40 has 10 passages, the comparison has 1800: every side must hold the same passages in the "
        "same order"
    )


def test_too_few_pairs_give_no_containment(planted):
    pair = planted(0.0, seed=1, articles=200, left=60, right=60)
    found = compare(pair.left, pair.right, pair.blocks, ComparisonConfig(permutations=20, min_passages=10))
    assert found.granularity["containment"] is None
    assert found.granularity["verdict"] is None


def test_containment_of_pairs():
    rng = np.random.default_rng(0)
    broad = (rng.random((1200, 60)) < 0.2) * rng.uniform(0.5, 1.5, size=(1200, 60))
    narrow = broad * (rng.random((1200, 60)) < 0.6)
    config = ComparisonConfig(permutations=20)
    there = compare(narrow, broad, np.arange(1200) // 2, config).granularity
    assert there["containment"]["value"] == pytest.approx(0.4, abs=0.05)
    assert there["difference"]["firing_rate"]["value"] == pytest.approx(np.log2(0.6), abs=0.05)
