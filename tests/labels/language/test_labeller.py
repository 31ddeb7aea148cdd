"""The labeller: what a model is shown of a feature, and which of its answers is taken."""

import json

import numpy as np
import pytest
from scipy import sparse

from samedream.features.candidates import article_index
from samedream.labels.config import LabelsConfig
from samedream.labels.evidence import collect, label_fold
from samedream.labels.keywords import label_features
from samedream.labels.language.describe import columns, describe
from samedream.labels.language.examples import choose_examples, meaning_space
from samedream.labels.language.labeller import auc, features_to_ask
from samedream.labels.language.prompts import label_question
from samedream.labels.language.question import Reply

GOOD = {"label": "chess", "description": "The word chess.", "kind": "word", "confidence": "high"}


class Stand:
    """A stand-in for a model that answers by a rule."""

    def __init__(self, rule):
        self.rule, self.questions = rule, []

    def __call__(self, questions):
        self.questions += questions
        return [self.rule(question) for question in questions]


def offline(planted, config=None):
    rows = label_fold(planted.passages)
    fold = [planted.passages[i] for i in rows]
    article = article_index([passage.article_id for passage in fold])
    evidence = collect(planted.activity, planted.peaks, rows=rows, article=article, most=100)
    dead = np.bincount(planted.activity.indices, minlength=planted.activity.shape[1]) == 0
    return label_features(evidence, fold, dead=dead, config=config or LabelsConfig())


def described(planted, ask, *, features=None, embedding=None, embed=None):
    return describe(
        ask,
        offline(planted),
        planted.activity,
        planted.peaks,
        passages=planted.passages,
        embedding=embedding,
        embed=embed,
        config=LabelsConfig(features=features),
    )


@pytest.fixture(scope="module")
def examples(planted):
    rows = label_fold(planted.passages)
    fold = [planted.passages[i] for i in rows]
    made = choose_examples(
        planted.activity,
        planted.peaks,
        fold,
        rows=rows,
        features=[0, 1, 3, 10],
        space=meaning_space(fold, None),
        seed=0,
    )
    return {mine.feature: mine for mine in made}, fold, rows


def test_examples_fire_or_not_as_they_should_and_share_no_article(planted, examples):
    made, fold, rows = examples
    dense = planted.activity.toarray() > 0
    for feature, mine in made.items():
        shown = [row for row, _ in mine.shown]
        assert dense[rows[shown], feature].all() and dense[rows[mine.tried], feature].all()
        assert not dense[rows[mine.unlike], feature].any() and not dense[rows[mine.against], feature].any()
        everything = shown + mine.unlike + mine.tried + mine.against
        assert len({fold[row].article_id for row in everything}) == len(everything)
        for row, (start, end) in mine.shown:
            if feature == 0:
                assert fold[row].text[start:end].casefold() == "chess"
    year = made[1]
    assert (len(year.shown), len(year.unlike), len(year.tried), len(year.against)) == (12, 6, 12, 18)


def test_shown_passages_are_of_all_thirds(planted, examples):
    made, _, rows = examples
    fires = np.sort(planted.activity[rows][:, [1]].toarray().ravel())[::-1]
    fires = fires[fires > 0]
    values = planted.activity[rows[[row for row, _ in made[1].shown]]][:, [1]].toarray().ravel()
    assert (np.diff(values) <= 0).all()  # strongest first
    third = np.searchsorted(-fires, -values) * 3 // len(fires)
    assert np.bincount(third).tolist() == [6, 3, 3]


def test_unlike_passages_are_near_in_meaning(planted):
    """With an embedding that is the topic, what is unlike a feature of science is never far from what excites it."""
    topics = ["Science", "Arts", "Sport", "Nature"]
    fold = [p for p in planted.passages if p.fold == "label"]
    rows = label_fold(planted.passages)
    space = np.eye(4, dtype=np.float32)[[topics.index(p.topic) for p in fold]]
    fires = np.array([p.topic == "Science" and i % 2 == 0 for i, p in enumerate(planted.passages)])
    activity = sparse.csr_matrix(fires.astype(np.float32)[:, None])
    peaks = (np.zeros(activity.nnz, np.uint32), np.ones(activity.nnz, np.uint32))
    (mine,) = choose_examples(activity, peaks, fold, rows=rows, features=[0], space=space, seed=0)
    assert {fold[row].topic for row in mine.unlike} == {"Science"}
    assert len({fold[row].topic for row in mine.against}) > 1


def test_a_rare_feature_keeps_something_back(planted, examples):
    _, fold, rows = examples
    activity = sparse.csr_matrix((np.arange(len(planted.passages)) < 30).astype(np.float32)[:, None])
    keep = rows[rows < 30][:5]
    activity = sparse.csr_matrix((np.ones(5, np.float32), (keep, np.zeros(5, int))), shape=(len(planted.passages), 1))
    peaks = (np.zeros(5, np.uint32), np.ones(5, np.uint32))
    (mine,) = choose_examples(activity, peaks, fold, rows=rows, features=[0], space=meaning_space(fold, None), seed=0)
    assert (len(mine.shown), len(mine.tried)) == (3, 2)


def test_the_prompt(examples):
    made, fold, _ = examples
    question, second, third = label_question(made[0], [passage.text for passage in fold])
    lines = question.user.split("\n")
    assert lines[0] == "YES" and lines[-1] == "What do the passages under YES have in common?"
    yes, no = lines[1 : lines.index("NO") - 1], lines[lines.index("NO") + 1 : -2]
    assert len(yes) == len(made[0].shown) and len(no) == 6
    for number, line in enumerate(yes, 1):
        start, _, quoted = line.partition(". ")
        assert start == str(number) and json.loads(quoted).count("<<") == 1
        assert "<<chess>>" in json.loads(quoted).casefold()
    assert not any("<<" in line for line in no)
    assert (second.user, third.user) == (question.user, question.user)
    assert [(q.seed, q.temperature) for q in (question, second, third)] == [(0, 0.0), (1, 0.7), (2, 0.7)]


def test_the_prompt_is_blind(planted):
    """Another model with the same firings, twice as strong and with one more feature, gives the same prompts."""
    first, second = Stand(lambda _: Reply("failed", None, "no")), Stand(lambda _: Reply("failed", None, "no"))
    described(planted, first)
    twin = type(planted)(planted.passages, planted.activity * 2, planted.peaks)
    described(twin, second)
    assert first.questions == second.questions
    words = " ".join(question.system + question.user for question in first.questions).casefold()
    for name in ("smollm", "gemma", "feature", "activation", "layer", "neuron"):
        assert name not in words


def test_nothing_of_the_score_fold_is_in_a_prompt(planted):
    stand = Stand(lambda _: Reply("ok", GOOD))
    described(planted, stand)
    shown = " ".join(question.user for question in stand.questions).replace("<<", "").replace(">>", "")
    assert sum(p.text in shown for p in planted.passages if p.fold == "label") > 50
    assert not [p for p in planted.passages if p.fold == "score" and p.text in shown]


def test_statuses_and_columns(planted, tools):
    """Feature "chess" gets a label, "year" fails, the budget ends before the others; dead and rare are not asked."""

    def rule(question):
        if "<<chess>>" in question.user.casefold():
            return Reply("ok", GOOD)
        if "<<1" in question.user or "<<20" in question.user:
            return Reply("failed", None, "it is empty")
        return Reply("not asked", None, "the budget is used up")

    labels = offline(planted)
    said = described(planted, Stand(rule))
    table = {rule: dict(zip(columns(labels, said), row, strict=True)) for rule, row in
             zip(tools.rules, zip(*columns(labels, said).values(), strict=True), strict=True)}  # fmt: skip
    assert table["chess"] == {
        "label": "chess",
        "label_source": "llm",
        "offline_label": labels[0].label,
        "description": "The word chess.",
        "llm_kind": "word",
        "llm_confidence": "high",
        "llm_status": "ok",
    }
    assert table["year"]["llm_status"] == "failed" and table["year"]["label_source"] == "offline"
    assert table["year"]["label"] == table["year"]["offline_label"] == labels[1].label
    assert table["year"]["description"] is None
    assert table["the"]["llm_status"] == table["dead"]["llm_status"] == table["rare"]["llm_status"] == "not asked"
    assert said[1].problem == "it is empty" and said[3].problem == "the budget is used up"


def test_nobody_to_ask(planted):
    labels = offline(planted)
    made = columns(labels, described(planted, None))
    assert set(made["llm_status"]) == set(made["description"]) == {None}
    assert made["label"] == [label.label for label in labels]


def test_one_of_three_labels_is_chosen_on_passages_that_are_not_shown(planted):
    """A made-up embedder for which only "second" is near to passages about science."""
    names = iter(["first", "second", "third"] * 100)
    stand = Stand(lambda _: Reply("ok", GOOD | {"label": next(names)}))
    embedding = np.array([[p.topic == "Science", p.topic != "Science"] for p in planted.passages], np.float32)
    vectors = {"first": [0, 1], "second": [1, 0], "third": [0.5, 0.5]}

    def embed(texts):
        return np.array([vectors[text] for text in texts], np.float32)

    said = described(planted, stand, embedding=embedding, embed=embed)
    assert said[2].label == "second"
    assert described(planted, stand)[2].label == "first"  # no embedding: the first


def test_the_features_that_are_asked(planted, tools):
    labels = offline(planted)
    rows = label_fold(planted.passages)
    fired = np.bincount(planted.activity[rows].indices, minlength=11)
    every = features_to_ask(labels, fired, passages=len(rows), most=None)
    assert [tools.rules[f] for f in every] == [
        "chess", "year", "Science", "the", "comma", "first word", "dense", "painting"
    ]  # fmt: skip
    most = [tools.rules[f] for f in features_to_ask(labels, fired, passages=len(rows), most=2)]
    assert most == ["Science", "first word"]  # "the", "comma" and "dense" fire on more than half


def test_auc_by_hand():
    assert auc(np.array([3.0, 1.0]), np.array([2.0, 1.0])) == (1 + 1 + 0 + 0.5) / 4
