import numpy as np
import pyarrow.compute as pc
import pytest
from scipy import sparse

from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.table import CLASSES, SCHEMA
from samedream.errors import ComparisonError

QUICK = ComparisonConfig(permutations=20)


@pytest.fixture(scope="module")
def half(planted):
    """Half of left's 300 concepts are in right (a third of right's 400)."""
    return planted(0.5, seed=11, articles=700, left=300, right=400)


@pytest.fixture(scope="module")
def compared(half):
    return compare(half.left, half.right, half.blocks, QUICK, **half.inputs())


def test_a_planted_half_is_read_back_both_ways(half, compared):
    for way, truth in zip(("a_to_b", "b_to_a"), half.shared, strict=True):
        shared = getattr(compared.shared_fraction, way)
        assert shared.value == pytest.approx(truth, abs=0.1)
        assert shared.low < truth < shared.high
        floor, found, ceiling = (getattr(getattr(compared, key), way) for key in ("floor", "universality", "ceiling"))
        assert floor.high < found.low < found.high < ceiling.low
        middle = getattr(compared.normalised, way)
        assert middle.value == pytest.approx((found.value - floor.value) / (ceiling.value - floor.value))
        assert middle.low < middle.value < middle.high


@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_planted_none_and_all_are_read_back(planted, truth):
    for seed in (21, 22):
        pair = planted(truth, seed=seed, articles=500, left=250, right=250)
        found = compare(pair.left, pair.right, pair.blocks, QUICK, **pair.inputs())
        for shared in (found.shared_fraction.a_to_b, found.shared_fraction.b_to_a):
            assert shared.value == pytest.approx(truth, abs=0.1)
            assert shared.low <= truth <= shared.high
        if truth == 0.0:
            assert found.pass_share["a_to_b"] <= 0.02
            assert found.normalised.a_to_b.low <= 0.02


def test_a_dictionary_permuted_and_rescaled_is_found_whole(half):
    rng = np.random.default_rng(0)
    order = rng.permutation(300)
    gain = 2.0 ** rng.integers(-10, 11, size=300)
    other = sparse.csr_array(half.left[:, order] @ sparse.diags_array(gain))
    found = compare(half.left, other, half.blocks, QUICK)
    for interval in (found.universality.a_to_b, found.universality.b_to_a):
        assert (interval.value, interval.low, interval.high) == pytest.approx((1.0, 1.0, 1.0), abs=1e-9)
    rows = found.matches.filter(pc.equal(found.matches["side"], "a")).to_pydict()
    known = [i for i in range(300) if rows["partner"][i] is not None]
    assert len(known) > 250
    assert all(order[rows["partner"][i]] == i and rows["class"][i] == "one-to-one" for i in known)
    assert all(abs(there["value"]) < 1e-9 for there in found.granularity["difference"].values())


def test_shuffled_articles_share_nothing(half):
    for seed in (0, 1, 2):
        rng = np.random.default_rng(seed)
        order = np.concatenate([np.flatnonzero(half.blocks == article) for article in rng.permutation(700)])
        found = compare(half.left, half.right[order], half.blocks, QUICK)
        for interval in (found.universality.a_to_b, found.universality.b_to_a):
            assert interval.low <= 0.0 < interval.high
            assert interval.value < 0.01
        assert max(found.pass_share.values()) <= 0.02


def test_what_was_not_given_is_none_and_never_made_up(half):
    bare = compare(half.left, half.right, half.blocks, QUICK)
    for key in ("floor", "ceiling", "normalised", "shared_fraction"):
        assert getattr(bare, key).a_to_b is None
        assert getattr(bare, key).b_to_a is None
    assert bare.universality.a_to_b is not None
    assert any(note.startswith("No random twin was given") for note in bare.notes)
    assert any(note.startswith("A repeat with another seed is missing") for note in bare.notes)
    assert bare.matches["repeat_r"].null_count == bare.matches["floor_r"].null_count == 700
    assert "random twin" not in bare.method["test"]

    one = compare(half.left, half.right, half.blocks, QUICK, left_repeat=half.left_repeat, right_floor=half.right_floor)
    assert one.shared_fraction.a_to_b is not None
    assert one.shared_fraction.b_to_a is None
    assert one.normalised.a_to_b is not None
    assert one.normalised.b_to_a is None


def test_a_frozen_dictionary_is_reported_beside_the_floor_and_changes_nothing(half, compared):
    frozen = compare(half.left, half.right, half.blocks, QUICK, **half.inputs(), right_frozen=half.right_repeat)
    alone = compare(half.left, half.right_repeat, half.blocks, QUICK)
    assert frozen.floor_frozen.a_to_b == alone.universality.a_to_b
    assert frozen.floor_frozen.b_to_a is None
    for key in ("floor", "universality", "normalised", "shared_fraction", "pass_share"):
        assert getattr(frozen, key) == getattr(compared, key)
    assert frozen.matches.equals(compared.matches)
    assert compared.floor_frozen.a_to_b is compared.floor_frozen.b_to_a is None


def test_every_feature_has_a_row_and_a_class(half, compared):
    table = compared.matches
    assert table.schema == SCHEMA
    rows = table.to_pylist()
    named = [("a", i) for i in range(300)] + [("b", i) for i in range(400)]
    assert [(row["side"], row["feature"]) for row in rows] == named
    by_side = {"a": rows[:300], "b": rows[300:]}
    fired = {"a": (half.left > 0).sum(axis=0), "b": (half.right > 0).sum(axis=0)}
    for side, other in (("a", "b"), ("b", "a")):
        for row in by_side[side]:
            assert row["passages"] == fired[side][row["feature"]]
            assert row["firing_rate"] == pytest.approx(row["passages"] / half.left.shape[0])
            if row["passages"] < 30:
                assert row["class"] == ("too rare to tell" if row["passages"] else "dead")
                assert row["partner"] is row["r"] is row["q_value"] is row["score"] is None
                assert row["assigned"] is row["children"] is row["parents"] is row["r2_8"] is None
                assert row["mutual"] is False
                continue
            assert row["r"] == pytest.approx((row["r_first"] + row["r_second"]) / 2)
            assert row["score"] == pytest.approx(max(0, row["r"] - row["threshold"]) / (1 - row["threshold"]))
            assert row["mutual"] == (by_side[other][row["partner"]]["partner"] == row["feature"])
            parts, wholes = len(row["children"]), len(row["parents"])
            assert all(row["feature"] in by_side[other][part]["parents"] for part in row["children"])
            assert all(row["feature"] in by_side[other][whole]["children"] for whole in row["parents"])
            assert parts != 1
            if parts or wholes:
                expected = "many-to-many" if wholes > 1 or (parts and wholes) else "split" if parts else "merge"
                assert row["class"] == expected
            elif row["q_value"] <= 0.05:
                assert row["class"] == ("one-to-one" if row["mutual"] else "one-way")
            else:
                assert row["class"] in ("only here", "unstable")
        counts = compared.classes[side]
        assert list(counts) == list(CLASSES)
        assert sum(counts.values()) == len(by_side[side])
        eligible = [row for row in by_side[side] if row["r"] is not None]
        way = f"{side}_to_{other}"
        assert getattr(compared.universality, way).value == pytest.approx(np.mean([row["score"] for row in eligible]))
        assert compared.pass_share[way] == pytest.approx(np.mean([row["q_value"] <= 0.05 for row in eligible]))


def test_shuffled_articles_give_few_of_the_passes(half, compared):
    assert all(0.0 <= share <= 0.05 for share in compared.permutation_fdr.values())
    without_twin = compare(half.left, half.right, half.blocks, QUICK)
    assert all(0.0 < share <= 0.05 for share in without_twin.permutation_fdr.values())
    assert all(share >= compared.permutation_fdr[way] for way, share in without_twin.permutation_fdr.items())


def test_seed_stability_is_what_the_repeat_finds_again(half, compared):
    for side, repeat in (("a", "a_to_b"), ("b", "b_to_a")):
        stable = compared.seed_stability[side]
        assert stable.value == compared.repeat_pass_share[repeat]
        assert stable.low < stable.value <= stable.high <= 1.0
        assert stable.value == pytest.approx(0.8 * 0.8, abs=0.1)  # both dictionaries found a concept, each in 4 of 5
    bare = compare(half.left, half.right, half.blocks, QUICK, left_repeat=half.left)
    assert bare.seed_stability["a"].value == 1.0
    assert bare.seed_stability["b"] is None


def test_dead_features_are_named(half):
    left = sparse.hstack([half.left, sparse.csr_array((half.left.shape[0], 2))], format="csr")
    found = compare(left, half.right, half.blocks, QUICK)
    assert found.classes["a"]["dead"] == 2
    assert found.features == (302, 400)


def test_dead_features_on_any_side_change_no_figure(half):
    """What twins find in each other is the floor here, half of left's twin too rare to tell."""

    def wider(activity):
        return sparse.hstack([activity, sparse.csr_array((activity.shape[0], 90))], format="csr")

    sides = half.inputs()
    twin = half.left_floor.toarray()
    twin[:, 150:] *= np.random.default_rng(1).random(twin[:, 150:].shape) < 0.002
    twin[:, :150] = half.right_floor.toarray()[:, :150]
    sides["left_floor"] = sparse.csr_array(twin)
    plain = compare(half.left, half.right, half.blocks, QUICK, **sides)
    assert plain.floor.a_to_b.value > compare(half.left, half.right_floor, half.blocks, QUICK).universality.a_to_b.value
    for beside in (sides, {name: wider(activity) for name, activity in sides.items()}):
        found = compare(wider(half.left), wider(half.right), half.blocks, QUICK, **beside)
        for key in ("universality", "floor", "ceiling", "normalised", "shared_fraction", "shared_over_twins"):
            assert getattr(found, key) == getattr(plain, key), key
        assert found.pass_share == plain.pass_share


def test_a_repeat_in_the_place_of_the_settings_is_named(half):
    with pytest.raises(ComparisonError) as error:
        compare(half.left, half.right, half.blocks, half.left_repeat)
    assert str(error.value) == (
        "config is of type csr_array, expected ComparisonConfig; repeats and twins go by name (left_repeat=...)"
    )


def test_the_same_inputs_give_the_same_table(half, compared):
    again = compare(half.left, half.right, half.blocks, QUICK, **half.inputs())
    assert again.matches.equals(compared.matches)
    assert again.shared_fraction == compared.shared_fraction
    assert again.notes == compared.notes


def test_one_side_given_twice_is_flagged(half):
    found = compare(half.left, half.left, half.blocks, QUICK, left_repeat=half.left)
    assert found.notes[0] == "The two sides are identical: this compares a dictionary with itself."
    assert found.notes[1] == "The left repeat is identical to left: its ceiling says nothing about another seed."
    assert found.universality.a_to_b.value == pytest.approx(1.0)


def test_passages_must_be_the_same(half):
    with pytest.raises(ComparisonError) as error:
        compare(half.left, half.right[:100], half.blocks, QUICK)
    n = half.left.shape[0]
    assert str(error.value) == (
        f"right has 100 passages, left has {n}: every side must hold the same passages in the same order"
    )
    with pytest.raises(ComparisonError, match=r"^right: found NoneType, expected a scipy sparse matrix"):
        compare(half.left, None, half.blocks, QUICK)


def test_an_empty_twin_is_left_out_and_said(half):
    empty = sparse.csr_array(half.right.shape)
    found = compare(half.left, half.right, half.blocks, QUICK, right_floor=empty, left_repeat=half.left_repeat)
    assert found.floor.a_to_b is None
    assert found.notes[0] == "right floor was left out: none of its features fires in 30 passages."
    with pytest.raises(ComparisonError, match="left: all 400 features are dead"):
        compare(empty, half.right, half.blocks, QUICK)


def test_few_articles_make_a_note(half):
    rows = np.flatnonzero(half.blocks < 400)
    blocks = half.blocks[rows] // 10  # 40 articles of about 20 passages
    found = compare(half.left[rows], half.right[rows], blocks, QUICK)
    assert found.blocks == 40
    assert any(note.startswith("The passages are from 40 articles (at least 20 are needed") for note in found.notes)


def test_a_twin_of_few_frequent_features_is_no_higher_floor(half):
    """Features that both twins have, nearly all others of left's twin too rare to tell: a floor over all of them."""
    rng = np.random.default_rng(1)
    floor = half.left_floor.toarray()
    floor[:, 40:] *= rng.random(floor[:, 40:].shape) < 0.002
    floor[:, :40] = half.right_floor.toarray()[:, :40]
    given = half.inputs() | {"left_floor": sparse.csr_array(floor)}
    found = compare(half.left, half.right, half.blocks, QUICK, **given)
    assert found.method["eligible_features"]["left_floor"] < 60
    assert found.floor.a_to_b.value < 0.2
    twins = compare(sparse.csr_array(floor), half.right_floor, half.blocks, QUICK)
    assert twins.universality.a_to_b.value > 0.6


def test_tokens_of_one_model_and_its_twin_bar_the_test_and_a_note_says_so(half, compared):
    """30 of left's features are in its own twin, and not in right: as many losses as the test can bear wins."""
    rows = compared.matches.slice(0, 300)
    private = np.flatnonzero(np.nan_to_num(rows["q_value"].to_numpy(), nan=0.0) > 0.5)[:30]
    rng = np.random.default_rng(3)
    twin = half.left_floor.toarray()
    tokens = half.left.toarray()[:, private]
    twin[:, :30] = tokens * rng.lognormal(0, 0.1, size=tokens.shape)
    given = half.inputs() | {"left_floor": sparse.csr_array(twin)}
    found = compare(half.left, half.right, half.blocks, QUICK, **given)
    assert found.pass_share["a_to_b"] == 0.0
    assert found.shared_fraction.a_to_b.low > 0.3
    assert found.notes[0].startswith("No feature passes the test, a to b (the least q is 0.")
    assert not any(note.startswith("No feature passes") for note in compared.notes)


def test_with_the_twins_alone_never_less_is_shared(compared):
    for way in ("a_to_b", "b_to_a"):
        assert getattr(compared.shared_over_twins, way).value >= getattr(compared.shared_fraction, way).value - 0.03


def test_the_dense_measures_can_be_left_out(half):
    assert compare(half.left, half.right, half.blocks, ComparisonConfig(permutations=20, dense=False)).dense is None
