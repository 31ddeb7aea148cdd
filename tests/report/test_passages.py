from samedream.report.passages import Pick, choose_passages
from samedream.report.reading import Exemplar


def kept(names: str, stratum: str = "top") -> list[Exemplar]:
    return [Exemplar(name, stratum, 1.0, ()) for name in names]


def test_both_sides_pick_in_turn_and_a_third_is_weaker() -> None:
    a = kept("pqrs") + kept("uv", "middle") + kept("w", "weak") + kept("z", "near miss")
    b = kept("qxy") + kept("t", "middle")
    assert choose_passages(a, b, 6) == [
        Pick("p", "a", "top"), Pick("q", "both", "top"), Pick("x", "b", "top"), Pick("r", "a", "top"),
        Pick("u", "a", "middle"), Pick("t", "b", "middle"),
    ]  # fmt: skip


def test_strong_ones_fill_up_when_there_are_no_weaker_ones() -> None:
    assert [pick.passage_id for pick in choose_passages(kept("pqrst"), [], 4)] == ["p", "q", "r", "s"]


def test_weaker_ones_fill_up_when_there_are_few_strong_ones_and_near_misses_never_do() -> None:
    found = choose_passages(kept("p") + kept("z", "near miss"), kept("uvw", "weak"), 4)
    assert [pick.passage_id for pick in found] == ["p", "u", "v", "w"]


def test_nothing_kept_nothing_shown() -> None:
    assert choose_passages([], kept("z", "near miss"), 6) == []
    assert len(choose_passages(kept("pq"), kept("q"), 1)) == 1
