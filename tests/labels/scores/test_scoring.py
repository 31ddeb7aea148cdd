import numpy as np
import pytest

from samedream.labels.scores.badges import badge_of, badges, headline_of
from samedream.labels.scores.scoring import score, supported
from samedream.labels.scores.shuffled import OTHERS, others
from samedream.labels.scores.trials import Trials

SIZES = (8, 8, 8, 12, 12, 12)


def trials_of(features):
    feature = np.repeat(np.arange(features), sum(SIZES)).astype(np.int32)
    group = np.tile(np.repeat(np.arange(6), SIZES), features).astype(np.int8)
    nothing = np.zeros(len(group), np.int64)
    return Trials(feature, nothing, group, nothing.astype(np.float32), nothing, nothing)


def test_others_are_never_ones_own_and_fire_about_as_often():
    rng = np.random.default_rng(0)
    fired, usable = rng.integers(0, 1000, 500), rng.random(500) < 0.8
    found = others(fired, usable, seed=3)
    assert found.shape == (OTHERS + 1, 500) and (found[:, ~usable] == -1).all()
    mine = np.flatnonzero(usable)
    for k, row in enumerate(found):
        assert sorted(row[mine]) == mine.tolist()  # each label once
        assert (row[mine] != mine).all()
        assert all((row[mine] != other[mine]).all() for other in found[:k])
    rank = fired[mine].argsort().argsort()
    place = dict(zip(mine, rank, strict=True))
    assert max(abs(place[found[0, f]] - place[f]) for f in mine) <= 2 * 64
    assert np.array_equal(found, others(fired, usable, seed=3))
    assert not np.array_equal(found, others(fired, usable, seed=4))


def test_too_few_for_others():
    assert (others(np.arange(5), np.ones(5, bool), seed=0) == -1).all()
    assert (others(np.arange(6), np.ones(6, bool), seed=0) >= 0).all()


@pytest.fixture(scope="module")
def scored():
    """Features 0-49 have labels that see their positives, 50-99 labels that see nothing; 99 cannot be read."""
    trials, rng = trials_of(100), np.random.default_rng(0)
    noise = rng.standard_normal((100, len(trials)))

    def read(of):
        seen = (of == trials.feature) & (of < 50) & trials.positive & (trials.group < 2)  # blind to the weak ones
        return noise[of, np.arange(len(of))] + 3 * seen

    readable = np.arange(100) < 99
    fired = rng.permutation(100)
    return score(read, trials, others(fired, readable, seed=0), readable=readable, seed=0)


def test_labels_that_see_are_told_from_those_that_do_not(scored):
    assert (scored.lift_low[:50] > 0.1).mean() > 0.9
    assert (scored.lift_low[50:99] > 0).mean() < 0.15
    assert np.nanmean(scored.null_low > 0) < 0.15
    assert np.nanmean(scored.shuffled) == pytest.approx(0.5, abs=0.02)
    assert np.allclose(scored.lift[:99], scored.value[:99] - scored.shuffled[:99])
    assert (scored.lift_low[:99] <= scored.lift[:99]).all() and (scored.lift[:99] <= scored.lift_high[:99]).all()


def test_strata_and_kinds(scored):
    assert np.median(scored.strata[:50], axis=0) == pytest.approx([0.98, 0.98, 0.5], abs=0.05)
    assert np.allclose(scored.strata[:99].mean(axis=1), scored.value[:99], atol=1e-6)  # groups of one size
    assert np.allclose(scored.kinds[:99].mean(axis=1), scored.value[:99], atol=1e-6)


def test_intervals_of_strata(scored):
    low, value, high = scored.strata_low[:99], scored.strata[:99], scored.strata_high[:99]
    assert (low <= value + 1e-6).all() and (value <= high + 1e-6).all()
    assert (low[:50, :2] > 0.7).mean() > 0.95  # seen
    assert ((low[:50, 2] <= 0.5) & (high[:50, 2] >= 0.5)).mean() > 0.85  # not seen


def test_a_stratum_of_fewer_than_five_has_a_figure_and_no_interval():
    some = trials_of(7)
    place = np.arange(len(some)) % sum(SIZES)
    kept = (place < 12) | (place >= 16)  # eight top, four middle, eight weak
    some = Trials(*(getattr(some, n)[kept] for n in ("feature", "passage", "group", "value", "start", "end")))
    read = np.random.default_rng(0).random(len(some))
    found = score(
        lambda of: read, some, others(np.arange(7), np.ones(7, bool), seed=0), readable=np.ones(7, bool), seed=0
    )
    assert np.isfinite(found.strata).all()
    for end in (found.strata_low, found.strata_high):
        assert np.isnan(end).tolist() == [[False, True, False]] * 7


def test_what_cannot_be_read_has_no_score(scored):
    for values in (scored.value, scored.low, scored.shuffled, scored.lift, scored.lift_low, scored.null_low):
        assert np.isnan(values[99])
    for table in (scored.strata, scored.strata_low, scored.strata_high, scored.kinds):
        assert np.isnan(table[99]).all()


def test_without_others_there_is_a_score_but_no_lift():
    trials = trials_of(1)
    alone = np.full((OTHERS + 1, 1), -1)
    found = score(lambda of: trials.positive * 1.0, trials, alone, readable=np.ones(1, bool), seed=0)
    assert found.value[0] == 1 and np.isnan(found.lift[0]) and np.isnan(found.lift_low[0])
    assert badges(found.lift_low) == [None]


def test_a_group_without_trials_has_no_figure():
    trials = trials_of(7)
    kept = trials.group != 4
    some = Trials(*(getattr(trials, n)[kept] for n in ("feature", "passage", "group", "value", "start", "end")))
    read = some.positive * 1.0
    found = score(
        lambda of: read, some, others(np.arange(7), np.ones(7, bool), seed=0), readable=np.ones(7, bool), seed=0
    )
    assert np.isnan(found.kinds[:, 1]).all() and (found.kinds[:, [0, 2]] == 1).all()
    assert (found.lift == 0).all()  # everyone's label reads the same: no lift, however good


def test_supported():
    trials = trials_of(2)
    assert supported(trials, 3).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("low", "badge"),
    [(0.5, "strong"), (0.25, "strong"), (0.2499, "fair"), (0.1, "fair"), (0.05, "weak"), (0.0, "none"), (-1, "none")],
)
def test_badges(low, badge):
    assert badge_of(low) == badge


def test_headlines_are_settled_by_the_kind():
    assert [headline_of(kind, embedded=True) for kind in ("topic", "dense", "word", "mixed")] == [
        "embedding", "embedding", "rule", "rule",
    ]  # fmt: skip
    assert headline_of("topic", embedded=False) == "rule"
