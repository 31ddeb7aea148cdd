"""The labels stage's step: who is asked, about what, and what becomes of the answers."""

import numpy as np
import pytest
from tests.labels.asked.answerers import Coin, Knows
from tests.labels.asked.planted_trials import WORDS, make_texts, make_trials

from samedream.labels.asked.scored import rebadged, score_by_asking, score_columns, scorer, summary
from samedream.labels.config import LabelsConfig
from samedream.labels.keywords import Label
from samedream.labels.scores.badges import badge_of
from samedream.labels.scores.judged import Judged
from samedream.records import Passage

FEATURES = 8  # the planted words twice: six are needed for a control
TEXTS = make_texts()


@pytest.fixture
def passages():
    return [Passage(f"p{i}", f"a{i}", "", "", "text", "en", None, text, "score") for i, text in enumerate(TEXTS)]


def labels(**changed):
    """Two features of every word; `changed`: feature → another label."""
    return [
        Label(feature=i, label=changed.get(f"f{i}", WORDS[i % 4]), kind="word", status="ok", **empty())
        for i in range(FEATURES)
    ]


def empty():
    known = {"feature", "label", "kind", "status"}
    return {name: [] for name in Label.__annotations__ if name not in known}


def trials():
    one = make_trials(TEXTS)
    again = [np.concatenate([getattr(one, name)] * 2) for name in one.__annotations__]
    again[0][len(one) :] += 4
    return type(one)(*again)


def run(passages, ask, given=None, wanted=range(FEATURES)):
    return score_by_asking(
        ask, given or labels(), wanted, trials(), passages=passages, fired=np.arange(FEATURES), seed=0
    )


def test_nobody_is_asked_without_a_language_model(passages):
    assert run(passages, None) is None
    assert summary(None, LabelsConfig()) is None
    columns = score_columns(None, FEATURES)
    assert len(columns) == 48
    assert all(column.null_count == FEATURES and str(column.type) == "float" for column in columns.values())


def test_what_is_said_of_the_scorer(passages):
    config = LabelsConfig(llm="local:one.gguf", scorer="local:two.gguf")
    found = run(passages, Knows(WORDS))
    said = summary(found, config)
    assert (said["scorer"], said["scorer_is_labeller"]) == ("local:two.gguf", False)
    assert said["scores"]["detection"] == {
        "features": FEATURES,
        "score": 1.0,
        "shuffled": pytest.approx(0.5, abs=0.1),
        "lift": pytest.approx(0.5, abs=0.1),
        "above_shuffled": pytest.approx(6 / 7, abs=0.15),  # another feature may have the very same label
        "answers": {"ok": 48, "failed": 0, "not asked": 0, "features": FEATURES},
    }
    assert score_columns(found, FEATURES)["detection"].to_pylist() == [1.0] * FEATURES


def test_who_scores(capsys):
    assert scorer(LabelsConfig(scorer="two")) is None  # nobody labels, nobody scores
    assert scorer(LabelsConfig(llm="one", scorer="two")) == "two"
    assert capsys.readouterr().err == ""
    assert scorer(LabelsConfig(llm="one")) is None
    assert "scored by the model that wrote them" in capsys.readouterr().err


def test_only_labels_that_were_asked_for_are_scored(passages):
    found = run(passages, Knows(WORDS), labels(f0="unclear", f1=""), range(7))
    assert [score.score is not None for score in found.scores["detection"]] == [False] * 2 + [True] * 5 + [False]


def test_too_few_features_have_scores_without_a_control(passages):
    found = run(passages, Knows(WORDS), wanted=range(3))
    assert found.scores["detection"][0].score.value == 1
    assert (found.scores["detection"][0].shuffled, found.scores["detection"][0].lift) == (None, None)


def test_a_coin_has_no_lift(passages):
    said = summary(run(passages, Coin()), LabelsConfig(llm="m"))["scores"]
    assert abs(said["detection"]["lift"]) < 0.2 and abs(said["fuzzing"]["lift"]) < 0.2


def test_badges_of_a_language_models_words_rest_on_detection(passages):
    """Where there is none, and where the label is offline, the badge stays."""
    found = run(passages, Knows(WORDS), wanted=range(7))
    offline = Judged({}, ["rule"] * FEATURES, ["fair"] * FEATURES, [], [])
    own_words = np.array([False] + [True] * 7)
    judged = rebadged(offline, found, own_words)
    assert judged.headline == ["rule", *["detection"] * 6, "rule"]
    expected = [badge_of(found.scores["detection"][i].lift.low) for i in range(1, 7)]
    assert judged.badge == ["fair", *expected, "fair"] and "none" not in expected[:2]
    assert rebadged(offline, None, own_words) == offline
