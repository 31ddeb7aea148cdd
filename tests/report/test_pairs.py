from samedream.report.pairs import Match, best_pairs, distinct, lonely_features, match, matched_pairs, random_pairs


def row(side: str, feature: int, partner: int | None, r: float | None, kind: str, repeat: float | None = None) -> Match:
    return Match(side, feature, partner, r, r, r, r, 0.1, 0.01, repeat, repeat, 0.05, kind)


# a0 and b0 choose each other; a1's partner b0 prefers a0; b1 prefers a1; a2 is a's alone; a3 is unstable; b2 is dead
ROWS = [
    row("a", 0, 0, 0.9, "one-to-one", 0.95), row("a", 1, 0, 0.5, "one-way", 0.6), row("a", 2, 1, 0.1, "only here", 0.8),
    row("a", 3, 1, 0.2, "unstable", 0.1), row("b", 0, 0, 0.9, "one-to-one"), row("b", 1, 1, 0.6, "one-way"),
    row("b", 2, None, None, "dead"),
]  # fmt: skip


def test_matched_pairs_holds_each_pair_once_strongest_first() -> None:
    pairs = matched_pairs(ROWS)
    assert [(pair.a, pair.b, pair.seen.side) for pair in pairs] == [(0, 0, "a"), (1, 1, "b"), (1, 0, "a")]
    assert pairs[0].back == ROWS[4]
    assert pairs[1].back == ROWS[1]


def test_a_part_is_a_pair_only_if_its_own_match_passes() -> None:
    def part(feature: int, q: float | None) -> Match:
        return Match("a", feature, feature, 0.3, 0.3, 0.3, 0.3, 0.1, q, None, None, None, "merge")

    rows = [part(0, 0.05), part(1, 0.06), part(2, None)]
    assert [pair.a for pair in matched_pairs(rows)] == [0]
    assert all(one.judged for one in rows)


def test_best_pairs_are_those_that_choose_each_other() -> None:
    assert [(pair.a, pair.b) for pair in best_pairs(matched_pairs(ROWS), 5)] == [(0, 0)]
    assert best_pairs(matched_pairs(ROWS), 0) == []


def test_random_pairs_depend_on_the_seed_only_and_are_a_fair_sample() -> None:
    rows = [row("a", n, n, n / 200, "one-to-one") for n in range(200)]
    pairs = matched_pairs(rows)
    assert random_pairs(pairs, 20, 1) == random_pairs(pairs, 20, 1) != random_pairs(pairs, 20, 2)
    chosen = random_pairs(pairs, 20, 1)
    assert len({pair.a for pair in chosen}) == 20
    assert [pair.strength for pair in chosen] == sorted((pair.strength for pair in chosen), reverse=True)
    # the mean strength of 20 of 200, over 300 seeds, is that of all (0.4975) within five standard errors (0.0036)
    means = [sum(p.strength for p in random_pairs(pairs, 20, seed)) / 20 for seed in range(300)]
    assert abs(sum(means) / 300 - 0.4975) < 0.018
    assert len(random_pairs(pairs, 500, 1)) == 200


def test_lonely_features_are_the_stable_ones_when_there_is_a_repeat() -> None:
    assert [pair.a for pair in lonely_features(ROWS, "a", 5)] == [2]
    assert lonely_features(ROWS, "a", 5)[0].b == 1


def test_lonely_features_without_a_repeat_are_all_that_fail_weakest_first() -> None:
    rows = [row("a", 0, 0, 0.3, "unstable"), row("a", 1, 0, 0.1, "unstable"), row("a", 2, None, None, "dead")]
    assert [pair.a for pair in lonely_features(rows, "a", 5)] == [1, 0]
    assert lonely_features(rows, "b", 5) == []


def test_lonely_features_come_with_the_largest_gap_first() -> None:
    rows = [row("a", 0, 0, 0.3, "only here", 0.5), row("a", 1, 0, 0.2, "only here", 0.9)]
    assert [pair.a for pair in lonely_features(rows, "a", 1)] == [1]


def test_distinct_takes_different_words_first() -> None:
    words = {"p": {"chess"}, "q": {"chess", "rook"}, "r": {"war"}, "s": {"river"}}
    assert distinct(["p", "q", "r", "s"], lambda name: words[name], 3) == ["p", "r", "s"]
    assert distinct(["p", "q"], lambda name: words[name], 3) == ["p", "q"]
    assert distinct([], lambda name: words[name], 3) == []


def test_match_reads_nulls_and_nan_as_none() -> None:
    values = dict.fromkeys(("r", "r_first", "r_second", "score", "threshold", "q_value", "repeat_r", "repeat_score"))
    found = match({"side": "a", "feature": 3, "partner": None, "class": "dead", **values, "floor_r": float("nan")})
    assert found == Match("a", 3, None, None, None, None, None, None, None, None, None, None, "dead")
    assert not found.judged
