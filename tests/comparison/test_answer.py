from samedream.comparison.answer import KEYS, answer, verdict


def _interval(value, low, high):
    return {"value": value, "low": low, "high": high, "confidence": 0.95}


def _both(first, second):
    return {"a_to_b": first, "b_to_a": second}


FULL = {
    "models": ["smollm2", "gemma"],
    "universality": _both(_interval(0.41, 0.40, 0.42), _interval(0.39, 0.38, 0.40)),
    "floor": _both(_interval(0.1, 0.1, 0.1), _interval(0.1, 0.1, 0.1)),
    "ceiling": _both(_interval(0.5, 0.5, 0.5), _interval(0.5, 0.5, 0.5)),
    "normalised": _both(_interval(0.775, 0.7, 0.85), _interval(0.725, 0.65, 0.8)),
    "shared_fraction": _both(_interval(0.812, 0.701, 0.92), _interval(0.75, 0.66, 0.84)),
}


def test_the_verdict_says_the_figures():
    assert verdict(FULL) == (
        "81 % [70–92 %] of smollm2's stable features are also in gemma and 75 % [66–84 %] of gemma's stable "
        "features are also in smollm2; on a scale from a random twin (0) to a model's own repeat (1) the match is "
        "0.78 [0.70–0.85] one way and 0.72 [0.65–0.80] the other."
    )


def test_one_way_missing_is_said():
    half = FULL | {"shared_fraction": _both(FULL["shared_fraction"]["a_to_b"], None), "normalised": _both(None, None)}
    assert verdict(half) == (
        "81 % [70–92 %] of smollm2's stable features are also in gemma and what share of gemma's features is in "
        "smollm2 cannot be told; where the match lies between a random twin and a model's own repeat cannot be told."
    )


def test_nothing_given_cannot_tell():
    nothing = _both(None, None)
    bare = FULL | {"floor": nothing, "ceiling": nothing, "normalised": nothing, "shared_fraction": nothing}
    assert verdict(bare) == (
        "Cannot tell what share of their features smollm2 and gemma have in common: a random twin and a repeat with "
        "another seed would be needed (uncorrected universality is 0.41 [0.40–0.42] and 0.39 [0.38–0.40])."
    )
    withheld = FULL | {"normalised": nothing, "shared_fraction": nothing}
    assert verdict(withheld) == (
        "Cannot tell what share of their features smollm2 and gemma have in common: a model's own repeat is not found "
        "clearly better than a random twin (uncorrected universality is 0.41 [0.40–0.42] and 0.39 [0.38–0.40])."
    )


def test_the_answer_has_the_fixed_keys():
    summary = FULL | {"passages": 7, "granularity": {}, "verdict": "v", "notes": [], "classes": {}}
    assert tuple(answer(summary)) == KEYS == (
        "models", "passages", "universality", "floor", "ceiling", "normalised", "shared_fraction", "granularity",
        "verdict",
    )  # fmt: skip
