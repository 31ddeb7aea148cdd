from benchmarks.headline import answer, markdown


def _interval(value):
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "confidence": 0.95}


def test_the_headline_is_the_summary_in_words_and_figures():
    both = {"a_to_b": _interval(0.2), "b_to_a": _interval(0.3)}
    summary = {
        "models": ["A", "B"], "passages": 1200, "verdict": "A is half of B.", "universality": both, "floor": both,
        "ceiling": both, "normalised": {"a_to_b": None, "b_to_a": _interval(0.7)}, "shared_fraction": both,
        "shared_over_twins": both, "granularity": {"verdict": None, "a": {}}, "sharing": {},
        "notes": ["Shared vocabulary explains part.", "The interval, b to a, hangs on few articles: 1 of 50."],
    }  # fmt: skip
    lines = markdown(answer(summary)).splitlines()
    assert lines[0] == "> A is half of B."
    assert lines[4] == (
        "| A in B | 0.20 [0.15, 0.25] | 0.20 [0.15, 0.25] | 0.20 [0.15, 0.25] | cannot tell | 20% [15%, 25%] | "
        "20% [15%, 25%] |"
    )
    assert lines[5].startswith("| B in A | 0.30 [0.25, 0.35] |")
    assert lines[7].startswith("1,200 passages;")
    assert "finer: cannot tell." in lines[7]
    assert lines[8:] == ["", "The interval, B in A, hangs on few articles: 1 of 50."]
