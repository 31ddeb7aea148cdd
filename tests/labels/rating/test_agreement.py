from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from tests.labels.rating.test_records import rating

from samedream.labels.rating.agreement import agreements, cohen_kappa, kappa_interval, sentence


def test_kappa_worked_by_hand() -> None:
    # 20 both yes, 15 both no, 5 and 10 apart: p_o = .7, p_e = .5 * .6 + .5 * .4 = .5, kappa = .4
    one = np.repeat([True, True, False, False], [20, 5, 10, 15])
    other = np.repeat([True, False, True, False], [20, 5, 10, 15])
    assert cohen_kappa(one, other) == pytest.approx(0.4)
    assert cohen_kappa(one, one) == 1
    assert cohen_kappa(one, ~one) == pytest.approx(-1)


def test_kappa_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = rng.random((2, 30)) < rng.random()
        assert cohen_kappa(one, other) == pytest.approx(cohen_kappa_score(one, other))


def test_kappa_of_two_who_always_say_the_same_is_not_given() -> None:
    yes = np.ones(20, bool)
    assert cohen_kappa(yes, yes) is None and kappa_interval(yes, yes) is None
    assert cohen_kappa(np.zeros(0, bool), np.zeros(0, bool)) is None


def test_the_interval_covers_the_kappa_of_the_raters() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for seed in range(60):  # raters that agree in .8 of items, half yes: kappa .6
        one = rng.random(80) < 0.5
        other = np.where(rng.random(80) < 0.8, one, ~one)
        found = kappa_interval(one, other, seed)
        assert found is not None
        inside += found.low <= 0.6 <= found.high
    assert inside >= 52


def rows(badges: list[str | None]) -> list[dict[str, Any]]:
    return [{"label": f"l{n}", "badge": badge} for n, badge in enumerate(badges)]


def answers(said: str, **more: object) -> list[Any]:
    words = {"y": "yes", "n": "no", "u": "unsure"}
    return [
        rating(f"k{n}", answer=words[letter], feature=n, label=f"l{n}", label_of=n, **more)  # type: ignore[arg-type]
        for n, letter in enumerate(said)
    ]


def test_badges_fair_and_better_count_as_yes() -> None:
    badges: list[str | None] = ["strong"] * 4 + ["fair"] * 2 + ["weak"] * 3 + ["none"] * 3
    found = agreements(answers("yyyyynnnnnny"), {"m": rows(badges)})[0]
    expected = cohen_kappa_score([1] * 5 + [0] * 6 + [1], [1] * 6 + [0] * 6)
    assert found.kappa is not None and found.kappa.value == pytest.approx(expected)
    assert (found.rated, found.unsure, found.compared, found.yes) == (12, 0, 12, 0.5)


def test_unsure_controls_unscored_and_outdated_are_set_apart() -> None:
    given = answers("yyyyyyyyyyyyu")
    given[0] = rating("k0", feature=0, label="l5", label_of=5)  # a control, and said to fit
    given[1] = rating("k1", feature=1, label="of old", label_of=1)
    found = agreements(given, {"m": rows(["fair"] * 12 + [None])})[0]
    assert (found.controls, found.controls_yes, found.unsure, found.outdated, found.compared) == (1, 1, 1, 1, 10)
    assert found.kappa is None and found.why == "rater and scores both always say the same"
    assert sentence(found) == (
        "me: 13 rated, 1 unsure; 100 % of the labels fit; of 1 labels of another feature 1 were said to fit; agreement "
        "with the scores cannot be told (rater and scores both always say the same); 1 of labels that were made anew "
        "since"
    )


def test_without_badges_or_with_few_answers_there_is_no_kappa() -> None:
    found = agreements(answers("yyynnn"), {"m": [{"label": f"l{n}"} for n in range(6)]})[0]
    assert found.kappa is None
    assert found.why == "0 own labels with a yes or no and a badge, at least 10 are needed"


def test_raters_are_kept_apart() -> None:
    given = answers("yn") + answers("ny", rater="you")
    assert [(one.rater, one.rated) for one in agreements(given, {"m": rows(["fair", "none"])})] == [
        ("me", 2),
        ("you", 2),
    ]
