import re

import numpy as np
import pytest

from samedream.planted.rules import MISSED, NOISE, Rule, names_rule, plant, rules_of

YEAR = Rule("a year", re.compile(r"\b(?:1\d|20)\d\d\b"))
CHESS = Rule("chess", re.compile(r"\bchess\b", re.IGNORECASE))
TEXTS = [f"Chess was played in {1900 + i % 100} by them" if i % 4 else "nothing of that kind here" for i in range(2000)]


def test_planted_features_follow_their_rules_but_for_misses_and_noise():
    planted = plant(TEXTS, [YEAR, CHESS], seed=0)
    holds = np.arange(2000) % 4 > 0
    fires = planted.activity.toarray() > 0
    assert fires[holds].mean() == pytest.approx(1 - MISSED, abs=0.03)
    assert fires[~holds].sum() / fires.sum() == pytest.approx(NOISE, abs=0.02)
    row = np.repeat(np.arange(2000), np.diff(planted.activity.indptr))
    for i, column, start, end in zip(row, planted.activity.indices, *planted.peaks, strict=True):
        if holds[i]:
            assert planted.rules[column].pattern.fullmatch(TEXTS[i][start:end])
    weak = planted.activity[~holds].data.mean() / planted.activity[holds].data.mean()
    assert weak == pytest.approx(0.3, abs=0.1)


def test_the_same_seed_plants_the_same():
    one, again, other = (plant(TEXTS[:50], [YEAR], seed=seed).activity.toarray() for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_rules_hold_often_enough():
    texts = TEXTS[:120] + ["the army of the river, and the army"] * 30
    rules = rules_of(texts, 3)
    names = [rule.name for rule in rules]
    assert "a year" in names and "war" in names and "water" in names and "music" not in names
    assert all(sum(bool(rule.pattern.search(text)) for text in texts) >= 25 for rule in rules)


@pytest.mark.parametrize(
    ("label", "rule", "names"),
    [
        ("years (1914, 1939)", YEAR, True),
        ("chess, openings", CHESS, True),
        ("openings, chess", CHESS, False),
        ('word "chess"', CHESS, True),
        ('punctuation "(", ")"', Rule("bracket", re.compile(r"\(")), True),
        ('punctuation \'"\', ","', Rule("quote", re.compile('"')), True),
        ("unclear", CHESS, False),
        ("", CHESS, False),
    ],
)
def test_what_a_label_names(label, rule, names):
    assert names_rule(label, rule) is names
