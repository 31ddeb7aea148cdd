from typing import Any

import numpy as np
import pytest

from samedream.comparison.labelled.transfer import Fit, Side, summarise, transfer
from samedream.labels.scores.trials import Trials

FEATURES, CONCEPTS = 200, 200
POSITIVES, NEGATIVES = 12, 24


def world(seed: int = 0) -> tuple[Trials, np.ndarray]:
    """Every feature fires where its concept is; a passage holds its concept. Trials, and each passage's concept."""
    rng = np.random.default_rng(seed)
    concept = np.repeat(np.arange(CONCEPTS), 60)
    rows: list[tuple[int, int, int]] = []
    for feature in range(FEATURES):
        inside = rng.choice(np.flatnonzero(concept == feature), POSITIVES, replace=False)
        outside = rng.choice(np.flatnonzero(concept != feature), NEGATIVES, replace=False)
        rows += [(feature, int(passage), n * 3 // POSITIVES) for n, passage in enumerate(inside)]
        rows += [(feature, int(passage), 3 + n * 3 // NEGATIVES) for n, passage in enumerate(outside)]
    feature, passage, group = np.array(rows).T
    empty = np.full(len(rows), -1)
    return Trials(feature.astype(np.int32), passage, group.astype(np.int8), np.zeros(len(rows), np.float32), empty,
                  empty), concept  # fmt: skip


def reads(concept: np.ndarray, means: np.ndarray, noise: float = 0.5, seed: int = 1) -> Fit:
    """Labels that say concepts (`means` of each label), read with noise."""
    grain = np.random.default_rng(seed).normal(0, noise, size=(len(means), len(concept)))
    return lambda of, passage: (means[of] == concept[passage]) + grain[of, passage]


def side(trials: Trials, partner: np.ndarray, **more: Any) -> Side:
    whole = np.ones(FEATURES, bool)
    given = {"fired": np.arange(FEATURES), "labelled": whole, "partner_labelled": whole}
    return Side(trials=trials, partner=partner, **{**given, **more})


def test_a_label_of_the_same_concept_transfers_and_another_does_not() -> None:
    trials, concept = world()
    partner = np.random.default_rng(2).permutation(FEATURES)
    means = np.argsort(partner)  # the other model's feature partner[f] means f
    found = transfer(side(trials, partner), reads(concept, np.arange(FEATURES)), reads(concept, means, seed=3), seed=0)
    means_of = {name: float(np.nanmean(values)) for name, values in found.items()}
    assert means_of["own"] == pytest.approx(0.92, abs=0.02)
    assert means_of["transferred"] == pytest.approx(means_of["own"], abs=0.02)
    assert means_of["shuffled"] == pytest.approx(0.5, abs=0.02)
    kept = summarise(found, ["one-to-one"] * FEATURES, ("one-to-one",), 0)["kept"]
    assert kept["low"] < 1 < kept["high"] and 0.95 < kept["value"] < 1.05


def test_matches_that_mean_nothing_keep_nothing() -> None:
    trials, concept = world()
    partner = np.roll(np.arange(FEATURES), 7)
    labels = reads(concept, np.arange(FEATURES))
    found = transfer(side(trials, partner), labels, labels, seed=0)
    kept = summarise(found, ["one-to-one"] * FEATURES, ("one-to-one",), 0)["kept"]
    assert kept["low"] < 0 < kept["high"] and abs(kept["value"]) < 0.05


def test_half_of_the_matches_right_keep_half() -> None:
    trials, concept = world()
    partner = np.arange(FEATURES)
    partner[1::2] = np.roll(partner[1::2], 1)
    own, theirs = reads(concept, np.arange(FEATURES)), reads(concept, np.arange(FEATURES), seed=5)
    found = transfer(side(trials, partner), own, theirs, seed=0)
    kept = summarise(found, ["one-to-one"] * FEATURES, ("one-to-one",), 0)["kept"]
    assert kept["low"] < 0.5 < kept["high"]


def test_an_auc_worked_by_hand() -> None:
    group = np.array([0, 0, 1, 1, 2, 3, 3, 4, 4, 5], np.int8)
    nowhere = np.full(10, -1)
    trials = Trials(np.zeros(10, np.int32), np.arange(10), group, np.zeros(10, np.float32), nowhere, nowhere)
    value = np.array([9.0, 8, 7, 2, 1, 6, 1, 0, 0, 0])
    rows = np.zeros(1, np.int64)
    one = Side(trials, rows, np.ones(1), np.ones(1, bool), np.ones(1, bool))
    found = transfer(one, lambda _, passage: value[passage], lambda _, passage: value[passage], seed=0)
    assert np.isnan(found["own"]).all()  # no other match to compare with, so nothing is said

    from samedream.comparison.labelled.transfer import _aucs

    # positives 9, 8, 7, 2, 1 against 6, 1, 0, 0, 0: 5 + 5 + 5 + 4 + 3.5 of 25
    assert _aucs(one, lambda _, passage: value[passage], rows)[0] == pytest.approx(22.5 / 25)


def test_another_match_with_the_same_partner_is_no_floor() -> None:
    """All features match one and the same: its label is on no shuffled list, so there is nothing to compare with."""
    trials, concept = world()
    everyone = reads(concept, np.arange(FEATURES))
    found = transfer(side(trials, np.zeros(FEATURES, np.int64)), everyone, everyone, seed=0)
    assert all(np.isnan(values).all() for values in found.values())


@pytest.mark.parametrize("missing", ["labelled", "partner_labelled"])
def test_features_without_a_label_on_either_side_are_left_out(missing: str) -> None:
    trials, concept = world()
    there = np.arange(FEATURES) % 2 == 0
    everyone = reads(concept, np.arange(FEATURES))
    found = transfer(side(trials, np.arange(FEATURES), **{missing: there}), everyone, everyone, seed=0)
    for values in found.values():
        assert np.isfinite(values[there]).all() and np.isnan(values[~there]).all()


def test_features_without_a_partner_are_left_out() -> None:
    trials, concept = world()
    partner = np.where(np.arange(FEATURES) < 100, np.arange(FEATURES), -1)
    everyone = reads(concept, np.arange(FEATURES))
    found = transfer(side(trials, partner), everyone, everyone, seed=0)
    assert np.isfinite(found["transferred"][:100]).all() and np.isnan(found["own"][100:]).all()


def test_classes_are_kept_apart_and_small_ones_have_no_mean() -> None:
    levels = (("own", 0.8), ("transferred", 0.7), ("shuffled", 0.5))
    found = {name: np.linspace(low, low + 0.1, 60) for name, low in levels}
    found["own"][50] = np.nan
    classes = ["one-to-one"] * 30 + ["only here"] * 20 + ["split"] * 10
    summary = summarise(found, classes, ("one-to-one", "split"), 0)
    assert summary["features"] == 39
    assert {name: one["features"] for name, one in summary["by_class"].items()} == {
        "one-to-one": 30, "only here": 20, "split": 9,
    }  # fmt: skip
    assert summary["by_class"]["split"]["own"] is None
    assert summary["by_class"]["one-to-one"]["own"]["value"] == pytest.approx(found["own"][:30].mean())
