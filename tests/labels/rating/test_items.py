from collections import Counter

import numpy as np
from scipy import sparse

from samedream.labels.rating.items import SHOWN, Candidate, held_out, items
from samedream.records import Passage


def candidates(model: str, count: int) -> list[Candidate]:
    return [Candidate(model, n, f"word{n}, other{n}") for n in range(count)]


def test_the_order_rests_on_nothing_but_the_labels() -> None:
    both = {name: candidates(name, 50) for name in ("one", "two")}
    first = list(items(both, 1))
    assert first == list(items(both, 1)) and first != list(items(both, 2))
    backwards = {name: list(reversed(own)) for name, own in both.items()}
    assert [(item.model, item.feature) for item in items(backwards, 1)] == [(i.model, i.feature) for i in first]


def test_models_take_turns_and_every_feature_comes_once() -> None:
    asked = list(items({"one": candidates("one", 30), "two": candidates("two", 30)}, 0))
    assert [item.model for item in asked[:6]] == ["one", "two"] * 3
    assert set(Counter((item.model, item.feature) for item in asked).values()) == {1}


def test_about_a_fifth_carry_the_label_of_another_feature() -> None:
    own = candidates("one", 2000)
    asked = list(items({"one": own}, 0))
    controls = [item for item in asked if item.control]
    assert 320 < len(controls) < 480
    for item in controls:
        assert item.label == own[item.label_of].label != own[item.feature].label
    for item in asked:
        assert item.control or item.label == own[item.feature].label


def test_no_control_shares_a_word_with_the_label_it_stands_for() -> None:
    own = [Candidate("one", n, "the king, queen" if n % 2 else 'word "king"') for n in range(200)]
    assert not any(item.control for item in items({"one": own}, 0))


def corpus(folds: str) -> list[Passage]:
    return [
        Passage(f"p{n}", f"two{n // 2}" if n > 1 else f"one{n}", "t", "s", "text", "en", None, f"text {n} word", fold)
        for n, fold in enumerate({"l": "label", "s": "score"}[letter] for letter in folds)
    ]


def test_passages_are_held_out_one_of_an_article_from_strong_to_weak() -> None:
    passages = corpus("ls" + "s" * 24)
    values = np.zeros((26, 2), np.float32)
    values[:, 1] = np.arange(26, 0, -1)
    activity = sparse.csc_matrix(values)
    spans = np.arange(26), np.arange(26) + 3
    shown = held_out(activity, spans, passages, 1)
    assert len(shown) == SHOWN
    assert [one.passage_id for one in shown] == ["p1", "p6", "p12", "p18", "p24"]  # p0 is of the label fold
    assert (shown[1].start, shown[1].end) == (6, 9)
    assert held_out(activity, spans, passages, 0) == []


def test_few_passages_are_all_shown() -> None:
    passages = corpus("ssss")
    activity = sparse.csc_matrix(np.array([[1.0], [3.0], [2.0], [5.0]], np.float32))
    shown = held_out(activity, (np.zeros(4, int), np.ones(4, int)), passages, 0)
    assert [one.passage_id for one in shown] == ["p3", "p1", "p0"]  # p2 and p3 are of one article
